/**
 * The one error class of Mandate. Match on `code`, never on the message.
 * Expected outcomes (a refused transfer, a lost leadership) are returned as unions; what is thrown is one of these.
 */

/** What each code carries in `details`. A code without an entry of its own carries a free record. */
export interface MandateErrorDetails {
  INVALID_OPTIONS: { readonly option: string; readonly value?: unknown; readonly expected?: string }
  INVALID_NAME: { readonly name: string; readonly reason: string }
  DUPLICATE_ID: { readonly id: string; readonly sinceMs?: number }
  NOT_A_PEER: { readonly id: string; readonly peers: readonly string[] }
  CLUSTER_MISMATCH: { readonly expected: string; readonly actual: string }
  INSECURE_LISTENER: { readonly address: string }
  ADDRESS_IN_USE: { readonly address: string }
  DATA_DIR_IN_USE: { readonly dataDir: string }
  DATA_CORRUPT: { readonly file: string; readonly offset: number; readonly reason: string }
  DISK_FULL: { readonly dataDir: string }
  BACKEND_UNAVAILABLE: { readonly tried?: readonly { readonly target: string; readonly reason: string }[] }
  UNAUTHORIZED: { readonly reason: string }
  FORBIDDEN: { readonly reason: string }
  TIMEOUT: { readonly afterMs: number }
  CANCELLED: { readonly reason?: unknown }
  CLOSED: { readonly what: string }
  NOT_LEADER: { readonly election: string }
  LEADERSHIP_LOST: { readonly election: string; readonly token: string; readonly reason: string }
  LIMIT_EXCEEDED: { readonly limit: string; readonly value: number; readonly max: number }
  PROTOCOL_ERROR: { readonly reason: string }
  UNSUPPORTED: { readonly feature: string }
  INTERNAL: { readonly reason: string }
}

/** The closed union of error codes; `docs/errors.md` says for each what happened and what to do. */
export type MandateErrorCode = keyof MandateErrorDetails

/** Every code, for the test that holds `docs/errors.md` against this list. */
export const mandateErrorCodes = [
  'INVALID_OPTIONS',
  'INVALID_NAME',
  'DUPLICATE_ID',
  'NOT_A_PEER',
  'CLUSTER_MISMATCH',
  'INSECURE_LISTENER',
  'ADDRESS_IN_USE',
  'DATA_DIR_IN_USE',
  'DATA_CORRUPT',
  'DISK_FULL',
  'BACKEND_UNAVAILABLE',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TIMEOUT',
  'CANCELLED',
  'CLOSED',
  'NOT_LEADER',
  'LEADERSHIP_LOST',
  'LIMIT_EXCEEDED',
  'PROTOCOL_ERROR',
  'UNSUPPORTED',
  'INTERNAL',
] as const satisfies readonly MandateErrorCode[]

/** `Symbol.for`, so that an error is recognised across two copies of the package. */
const brand: unique symbol = Symbol.for('mandate.error') as never

export class MandateError<Code extends MandateErrorCode = MandateErrorCode> extends Error {
  override readonly name = 'MandateError'
  readonly [brand] = true
  readonly code: Code
  readonly details: MandateErrorDetails[Code]

  constructor(
    code: Code,
    message: string,
    details: MandateErrorDetails[Code],
    options?: { cause?: unknown },
  ) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/** True for a `MandateError`, from whichever copy of the package; with `code`, only for that code. */
export function isMandateError<Code extends MandateErrorCode = MandateErrorCode>(
  error: unknown,
  code?: Code,
): error is MandateError<Code> {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  return code === undefined || (error as { code?: unknown }).code === code
}
