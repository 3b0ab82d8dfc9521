/** What an error of a call means: whether asking again, elsewhere or with a new auth token can help. */
import { MandateError, isMandateError } from '../../errors.ts'

/** The codes of gRPC that etcd uses with a meaning of their own. */
const code = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  unimplemented: 12,
  unauthenticated: 16,
} as const

/** A `ConnectError`, by its shape, so that only `grpc.ts` imports its library. */
interface RpcError extends Error {
  readonly code: number
  readonly rawMessage: string
}

function isRpcError(error: unknown): error is RpcError {
  return error instanceof Error && typeof (error as Partial<RpcError>).rawMessage === 'string'
}

export type Failure =
  /** Asking again gives the same. */
  | { readonly is: 'final'; readonly error: MandateError }
  /** The auth token has run out, or the rules it was made under have changed. */
  | { readonly is: 'token' }
  /** The server said that it cannot just now; its connection is sound. */
  | { readonly is: 'busy'; readonly reason: string }
  /** The connection failed, or nothing came over it. */
  | { readonly is: 'broken'; readonly reason: string }

export class NoAnswer extends Error {
  constructor(afterMs: number) {
    super(`no answer in ${Math.round(afterMs)} ms`)
  }
}

/** The lease of a request does not exist: its session is over. */
export class LeaseGone extends Error {}

export function failureOf(error: unknown): Failure {
  if (isMandateError(error)) return { is: 'final', error }
  // Thrown by us while an answer was read.
  if (error instanceof Error && isMandateError(error.cause)) return { is: 'final', error: error.cause }
  if (!isRpcError(error)) return { is: 'broken', reason: reasonOf(error) }
  const { rawMessage: message } = error
  switch (error.code) {
    case code.unauthenticated:
      return { is: 'token' }
    case code.permissionDenied:
      return { is: 'final', error: forbidden(message, error) }
    case code.invalidArgument:
      if (message.includes('auth store is old')) return { is: 'token' }
      if (/user name is empty|authentication failed/.test(message))
        return { is: 'final', error: unauthorized(message, error) }
      return { is: 'final', error: refused(message, error) }
    case code.unimplemented:
      return { is: 'final', error: noEtcd(message, error) }
    default:
      return message.startsWith('etcdserver:')
        ? { is: 'busy', reason: message }
        : { is: 'broken', reason: reasonOf(error) }
  }
}

export function isLeaseGone(error: unknown): boolean {
  if (error instanceof LeaseGone) return true
  return isRpcError(error) && error.code === code.notFound && error.rawMessage.includes('lease not found')
}

/** A user was given to servers that know none. */
export function isAuthDisabled(error: unknown): boolean {
  return (
    isRpcError(error) && error.code === code.failedPrecondition && error.rawMessage.includes('not enabled')
  )
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const text = isRpcError(error) ? error.rawMessage : error.message
  const { cause } = error
  // Node tells several addresses of one name as one error without words.
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause
  const why: unknown = inner instanceof Error ? inner.message : undefined
  return typeof why === 'string' && why !== '' && !text.includes(why)
    ? [text, why].filter((each) => each !== '').join(': ')
    : text
}

function forbidden(message: string, cause: unknown): MandateError<'FORBIDDEN'> {
  const reason = `etcd denies it: ${message}`
  const fix =
    'grant the user read and write on the prefix of the election, as `etcdctl role grant-permission --prefix`'
  return new MandateError('FORBIDDEN', `${reason}; ${fix}`, { reason: message }, { cause })
}

function unauthorized(message: string, cause: unknown): MandateError<'UNAUTHORIZED'> {
  const fix = 'give `user` and `password` (on the command line: user=… in the URL and MANDATE_ETCD_PASSWORD)'
  return new MandateError(
    'UNAUTHORIZED',
    `etcd takes no call: ${message}; ${fix}`,
    { reason: message },
    { cause },
  )
}

function refused(message: string, cause: unknown): MandateError<'PROTOCOL_ERROR'> {
  return new MandateError(
    'PROTOCOL_ERROR',
    `etcd refused a request: ${message}`,
    { reason: message },
    { cause },
  )
}

function noEtcd(message: string, cause: unknown): MandateError<'PROTOCOL_ERROR'> {
  const reason = `the server does not know a call of etcd's v3 API (${message}); use etcd 3.4 or newer`
  return new MandateError('PROTOCOL_ERROR', reason, { reason }, { cause })
}
