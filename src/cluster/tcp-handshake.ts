/** What two processes tell each other before anything else, so that no message goes to the wrong place. */
import { MandateError } from '../errors.ts'
import type { ProcessIdentity, Start } from '../seams/storage.ts'
import type { Lane } from '../seams/transport.ts'
import { count, list, nullable, object, oneOf, optional, text } from './codec-shape.ts'
import { errorReply, jsonCodec } from './codec.ts'
import { encodeFrame, type Frame } from './tcp-frame.ts'
import type { ErrorReply } from './messages.ts'

const PROTOCOL = 2
/** Earlier starts in a handshake: it stays well below the size that is read of a stranger. */
const MAX_EARLIER = 33

export interface PeerHello extends ProcessIdentity {
  readonly protocol: number
  /** What the cluster decides by. Absent: Raft. */
  readonly engine?: EngineName
  readonly cluster: string
  readonly from: string
  readonly to: string
  readonly lane: Lane
  /** The start at which the dialler saw the peer that it dials: it wants to be shown that one. Null: none. */
  readonly seen: number | null
}

interface ClientHello {
  readonly protocol: number
  readonly engine?: EngineName
  /** Null: whichever cluster answers. */
  readonly cluster: string | null
}

export interface Welcome extends ProcessIdentity {
  readonly peer: string
  readonly cluster: string
}

export type EngineName = 'raft' | 'paxos' | 'bully' | 'bully-classic'

const engine = optional(oneOf<EngineName>('raft', 'paxos', 'bully', 'bully-classic'))
const label = text(253)
const start = { incarnation: count, run: text(128, 1) }
const identity = { storageId: label, ...start, earlier: list(object<Start>(start), MAX_EARLIER) }
/** What every version says. */
const anyHellos = jsonCodec('Hello', object<Pick<PeerHello, 'protocol'>>({ protocol: count }))
const peerHellos = jsonCodec(
  'PeerHello',
  object<PeerHello>({
    protocol: count,
    engine,
    cluster: label,
    from: label,
    to: label,
    lane: oneOf<Lane>('urgent', 'bulk'),
    seen: nullable(count),
    ...identity,
  }),
)
const clientHellos = jsonCodec(
  'ClientHello',
  object<ClientHello>({ protocol: count, engine, cluster: nullable(label) }),
)
const welcomes = jsonCodec('Welcome', object<Welcome>({ peer: label, cluster: label, ...identity }))
const rejects = jsonCodec('Reject', errorReply)

export const peerHelloFrame = (hello: Omit<PeerHello, 'protocol'>): Buffer =>
  encodeFrame('peer-hello', peerHellos.encode({ protocol: PROTOCOL, ...hello }))
export const clientHelloFrame = (cluster: string | null, speaks: EngineName = 'raft'): Buffer =>
  encodeFrame('client-hello', clientHellos.encode({ protocol: PROTOCOL, engine: speaks, cluster }))
export const welcomeFrame = (welcome: Welcome): Buffer => encodeFrame('welcome', welcomes.encode(welcome))
export const rejectFrame = (error: ErrorReply): Buffer => encodeFrame('reject', rejects.encode(error))

export interface Listener {
  /** @default 'raft' */
  readonly engine?: EngineName
  readonly self: string
  readonly cluster: string
  readonly peers: readonly string[]
}

export type Greeting =
  | { readonly is: 'peer'; readonly hello: PeerHello }
  | { readonly is: 'client' }
  | { readonly is: 'refused'; readonly error: ErrorReply }

/** The first frame of an accepted connection. @throws PROTOCOL_ERROR */
export function readHello(frame: Frame, { engine: ours = 'raft', self, cluster, peers }: Listener): Greeting {
  if (frame.type !== 'client-hello' && frame.type !== 'peer-hello') throw unexpected(frame, 'a hello')
  // First: the other fields of a foreign version may be others.
  const foreign = wrongProtocol(anyHellos.decode(frame.payload).protocol)
  if (foreign !== null) return { is: 'refused', error: foreign }
  if (frame.type === 'client-hello') {
    const hello = clientHellos.decode(frame.payload)
    const error =
      wrongEngine(self, hello.engine, ours) ??
      (hello.cluster === null ? null : wrongCluster(self, hello.cluster, cluster))
    return error === null ? { is: 'client' } : { is: 'refused', error }
  }
  const hello = peerHellos.decode(frame.payload)
  const error =
    wrongEngine(self, hello.engine, ours) ??
    wrongCluster(self, hello.cluster, cluster) ??
    wrongAddress(hello.to, self) ??
    stranger(hello.from, self, peers)
  return error === null ? { is: 'peer', hello } : { is: 'refused', error }
}

export type Answer =
  | { readonly is: 'welcome'; readonly welcome: Welcome }
  | { readonly is: 'reject'; readonly error: ErrorReply }

/** The first frame of the accepting side. @throws PROTOCOL_ERROR */
export function readAnswer(frame: Frame): Answer {
  if (frame.type === 'welcome') return { is: 'welcome', welcome: welcomes.decode(frame.payload) }
  if (frame.type === 'reject') return { is: 'reject', error: rejects.decode(frame.payload) }
  throw unexpected(frame, 'an answer to the hello')
}

export function unexpected(frame: Frame, expected: string): MandateError<'PROTOCOL_ERROR'> {
  const reason = `frame of type '${frame.type}' where ${expected} was expected`
  return new MandateError('PROTOCOL_ERROR', reason, { reason })
}

function wrongProtocol(theirs: number): ErrorReply | null {
  if (theirs === PROTOCOL) return null
  const reason = `protocol ${theirs} is spoken there, protocol ${PROTOCOL} here; run the same version on both sides`
  return { code: 'PROTOCOL_ERROR', message: reason, details: { reason } }
}

function wrongEngine(self: string, theirs: EngineName = 'raft', ours: EngineName): ErrorReply | null {
  if (theirs === ours) return null
  const message = `peer '${self}' speaks ${ours}, not ${theirs}; use one engine in all processes of a cluster`
  return { code: 'CLUSTER_MISMATCH', message, details: { expected: theirs, actual: ours } }
}

function wrongCluster(self: string, theirs: string, ours: string): ErrorReply | null {
  if (theirs === ours) return null
  const message = `peer '${self}' belongs to cluster '${ours}', not to '${theirs}'`
  return { code: 'CLUSTER_MISMATCH', message, details: { expected: theirs, actual: ours } }
}

function wrongAddress(to: string, self: string): ErrorReply | null {
  if (to === self) return null
  const message = `peer '${self}' answers there, not '${to}'; check the address of '${to}'`
  return { code: 'NOT_A_PEER', message, details: { id: to, peers: [self] } }
}

function stranger(from: string, self: string, peers: readonly string[]): ErrorReply | null {
  if (from !== self && peers.includes(from)) return null
  const message =
    from === self
      ? `two processes run as peer '${self}'; give each peer an id of its own`
      : `peer '${self}' knows the peers ${peers.join(', ')}, not '${from}'; every process needs the same list`
  return { code: 'NOT_A_PEER', message, details: { id: from, peers } }
}
