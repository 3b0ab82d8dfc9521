/** The exit codes of every command (INTERFACES §2); numbers from sysexits.h where one fits. */
import { constants } from 'node:os'
import { isMandateError } from '../errors.ts'
import type { MandateErrorCode } from '../errors.ts'

export const exitCode = {
  done: 0,
  /** Vacant, a violation found, a goal missed, answered without a quorum. */
  negative: 1,
  usage: 64,
  unreachable: 69,
  /** `--wait` ran out. */
  notElected: 75,
  notAuthorised: 77,
  configuration: 78,
  /** `--on-loss exit`. */
  leadershipLost: 79,
  internal: 125,
  cannotRun: 126,
  notFound: 127,
} as const

/** What each error code ends a command with. */
const codeOfError: { readonly [Code in MandateErrorCode]: number } = {
  INVALID_OPTIONS: exitCode.configuration,
  INVALID_NAME: exitCode.usage,
  DUPLICATE_ID: exitCode.configuration,
  NOT_A_PEER: exitCode.configuration,
  CLUSTER_MISMATCH: exitCode.configuration,
  INSECURE_LISTENER: exitCode.configuration,
  ADDRESS_IN_USE: exitCode.configuration,
  DATA_DIR_IN_USE: exitCode.configuration,
  // A restart would not help: somebody has to look, as with a wrong setting.
  DATA_CORRUPT: exitCode.configuration,
  DISK_FULL: exitCode.unreachable,
  BACKEND_UNAVAILABLE: exitCode.unreachable,
  UNAUTHORIZED: exitCode.notAuthorised,
  FORBIDDEN: exitCode.notAuthorised,
  TIMEOUT: exitCode.unreachable,
  CANCELLED: exitCode.internal,
  CLOSED: exitCode.internal,
  NOT_LEADER: exitCode.negative,
  LEADERSHIP_LOST: exitCode.leadershipLost,
  LIMIT_EXCEEDED: exitCode.unreachable,
  PROTOCOL_ERROR: exitCode.unreachable,
  UNSUPPORTED: exitCode.configuration,
  INTERNAL: exitCode.internal,
}

/** A wrong command line: exit code 64. The message holds the line as it should be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCode.usage
  // Of the candidate's own metadata: no backend refuses, the setting is too long.
  if (isMandateError(error, 'LIMIT_EXCEEDED') && error.details.limit === 'metadataBytes')
    return exitCode.configuration
  if (isMandateError(error)) return codeOfError[error.code]
  return exitCode.internal
}

/** As a shell reports it: 128 + the signal's number. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0)
}
