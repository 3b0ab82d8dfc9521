/**
 * What travels and what is stored, as bytes: JSON text whose every field is checked on the way in. The tables below
 * are the types of `messages.ts`, with the limits that the types cannot carry.
 */
import { mandateErrorCodes, MandateError } from '../errors.ts'
import { operatorAnswer, operatorRequest } from './operator-desk.ts'
import type { PulsePromise } from '../protocols/detector/pulse.ts'
import type { Entry, RaftMessage } from '../protocols/raft/types.ts'
import type { SupportMessage } from '../protocols/support/types.ts'
import type { Command, Exclusivity, RequestResult, SessionHost, SessionRequest } from '../registry/types.ts'
import {
  count,
  decimal,
  duration,
  finite,
  flag,
  jsonRecord,
  list,
  nullable,
  object,
  oneOf,
  optional,
  Refusal,
  text,
  textRecord,
  union,
} from './codec-shape.ts'
import type { Fields, Shape } from './codec-shape.ts'
import type {
  ElectionStatus,
  ErrorReply,
  HolderMessage,
  LogRecord,
  ObservedState,
  OpenRequest,
  PeerMessage,
  PeerStatus,
  Proposal,
  SessionState,
  SponsorMessage,
} from './messages.ts'

export interface Codec<T> {
  encode(message: T): Uint8Array
  /** @throws PROTOCOL_ERROR naming the field; nothing else, whatever the bytes. */
  decode(bytes: Uint8Array): T
}

/** Enough for any honest list; the frame's size is the limit that counts. */
const MANY = 65_536
const METADATA_BYTES = 4096

const electionName = text(253, 1)
const id = text(128, 1)
/** Candidate id and incarnation. */
const session = text(300, 1)
const prose = text(16_384)
const peers = list(id, 63)
const token = decimal
const metadata = textRecord(METADATA_BYTES)
const exclusivity = oneOf<Exclusivity>('time', 'token')
const host = nullable(object<SessionHost>({ peer: id, incarnation: count }))

export const errorReply = object<ErrorReply>({
  code: oneOf(...mandateErrorCodes),
  message: prose,
  details: optional(jsonRecord(8, 1024)),
})

const requests = list(
  union<SessionRequest, 'type'>('type', {
    campaign: { election: electionName, exclusivity, priority: finite, metadata },
    leave: { election: electionName },
    release: { election: electionName, token },
    'check-transfer': { election: electionName, token, to: id },
    transfer: { election: electionName, token, to: id },
    proclaim: { election: electionName, token, metadata },
    'turn-away': { election: electionName, code: oneOf('LIMIT_EXCEEDED'), message: prose },
  }),
  MANY,
)

const results = list(
  union<RequestResult, 'is'>('is', {
    queued: { ahead: count },
    done: {},
    'was-not-holder': {},
    refused: {
      code: oneOf('INVALID_OPTIONS', 'DUPLICATE_ID', 'LIMIT_EXCEEDED', 'CLOSED'),
      message: prose,
      expected: optional(prose),
    },
    'no-such-candidate': {},
  }),
  MANY,
)

const openFields = { session, id, leaseMs: duration, host } satisfies Fields<OpenRequest>
const batchFields = { session, number: count, requests }

const command = union<Command, 'type'>('type', {
  open: openFields,
  reopen: { session, epoch: count },
  batch: batchFields,
  grant: { grants: list(object({ election: electionName, session }), MANY) },
  expire: { session, epoch: count },
  suspect: { session, epoch: count },
  close: { session },
})

const entries = list(object<Entry<Command>>({ index: count, term: count, data: nullable(command) }), MANY)

const raftMessage = union<RaftMessage<Command>, 'type'>('type', {
  'pre-vote': { term: count, lastIndex: count, lastTerm: count },
  'pre-vote-reply': { term: count, granted: flag },
  vote: { term: count, lastIndex: count, lastTerm: count, transfer: flag },
  'vote-reply': { term: count, granted: flag },
  append: { term: count, previousIndex: count, previousTerm: count, entries, commit: count },
  'append-reply': { term: count, accepted: flag, matchIndex: count },
  heartbeat: {
    term: count,
    commit: count,
    round: count,
    successors: peers,
    pulse: optional(object<PulsePromise>({ intervalMs: duration, silenceMs: duration })),
  },
  'heartbeat-reply': { term: count, round: count, lastIndex: count },
  'timeout-now': { term: count },
})

const supportMessage = union<SupportMessage, 'type'>('type', {
  keepalive: { session, epoch: count, sequence: count, patient: { optional: flag } },
  'keepalive-ack': { session, epoch: count, sequence: count, voter: id, voterIncarnation: count },
  'keepalive-refusal': {
    session,
    epoch: count,
    voter: id,
    reason: oneOf('withdrawn', 'closed', 'superseded', 'reopened'),
  },
  'withdraw-request': { session, epoch: count },
  'withdraw-answer': { session, epoch: count, voter: id },
})

const openRequest = object<OpenRequest>(openFields)

const proposal = union<Proposal, 'type'>('type', {
  open: { request: openRequest },
  batch: batchFields,
  reopen: { session, epoch: count },
  close: { session },
})

const peerMessage = union<PeerMessage, 'kind'>('kind', {
  raft: { message: raftMessage },
  support: { message: supportMessage },
  propose: { proposal },
  'turned-away': { session, error: errorReply },
  'read-index': { id: count },
  'read-index-reply': { id: count, index: nullable(count) },
  'operator-asks': { id: count, request: operatorRequest },
  'holder-answers': { id: count, answer: operatorAnswer },
})

const holderMessage = union<HolderMessage, 'type'>('type', {
  open: { request: openRequest, reattach: flag },
  keepalive: { session, epoch: count, sequence: count, patient: { optional: flag } },
  reopen: { session, epoch: count },
  batch: batchFields,
  close: { session },
  observe: { id: count, election: electionName },
  unobserve: { id: count },
  status: { id: count, election: nullable(electionName) },
  'operator-asks': { id: count, request: operatorRequest },
  'holder-answers': { by: id, id: count, answer: operatorAnswer },
})

const sessionState = object<SessionState>({
  epoch: count,
  number: count,
  results,
  holds: list(object({ election: electionName, token }), MANY),
  waits: list(object({ election: electionName, ahead: count }), MANY),
})

const observedState = union<ObservedState, 'is'>('is', {
  led: { id, token, metadata },
  vacant: {},
  unknown: { reason: prose },
})

const electionStatus = object<ElectionStatus>({
  name: electionName,
  exclusivity,
  leader: nullable(object({ id, token, metadata })),
  heldMs: nullable(duration),
  // A lower bound that has passed already may be below zero.
  expiresInMs: nullable(finite),
  waiting: list(object({ id, priority: finite }), MANY),
  lastReason: nullable(prose),
})

export const peerStatus = object<PeerStatus>({
  peer: id,
  cluster: text(253),
  version: text(64),
  role: oneOf('leader', 'follower', 'candidate'),
  term: count,
  leader: nullable(id),
  commitIndex: count,
  appliedIndex: count,
  logBytes: count,
  logBytesMax: count,
  quorum: flag,
  peers: list(
    object({
      id,
      address: text(512),
      reachable: flag,
      lastHeardMs: nullable(duration),
      problem: nullable(prose),
    }),
    63,
  ),
  elections: list(electionStatus, MANY),
})

const sponsorMessage = union<SponsorMessage, 'type'>('type', {
  opened: { session, scope: text(253), voters: peers, state: sessionState },
  'session-ended': { session, error: errorReply },
  support: { message: supportMessage },
  results: { session, number: count, results },
  reopened: { session, epoch: count },
  waiting: { session, election: electionName, ahead: count },
  granted: { session, election: electionName, token },
  freed: {
    session,
    election: electionName,
    token,
    reason: oneOf('released', 'transferred', 'expired', 'suspected', 'closed'),
  },
  observed: { id: count, state: observedState },
  status: { id: count, status: peerStatus },
  'holder-asked': { by: id, id: count, request: operatorRequest },
  'operator-told': { id: count, answer: operatorAnswer },
  error: { id: nullable(count), error: errorReply },
})

const logRecord = union<LogRecord, 'type'>('type', {
  identity: { cluster: text(253), peer: id, storageId: id },
  incarnation: { incarnation: count, run: id },
  'hard-state': { term: count, votedFor: nullable(id) },
  entries: { entries },
  withdrawal: { session, epoch: count },
  engine: { engine: oneOf('paxos', 'bully', 'bully-classic'), record: jsonRecord(8, MANY) },
  peer: { peer: id, storageId: id, incarnation: count, run: id },
})

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `name` is the root of the path in every refusal. */
export function jsonCodec<T>(name: string, shape: Shape<T>): Codec<T> {
  const { plain } = shape
  return {
    encode: (message) => utf8.encode(JSON.stringify(plain === undefined ? message : plain(message))),
    decode(bytes) {
      try {
        return shape.read(JSON.parse(strictUtf8.decode(bytes)))
      } catch (error) {
        const reason = error instanceof Refusal ? error.describe(name) : `${name}: not JSON in UTF-8`
        throw new MandateError('PROTOCOL_ERROR', reason, { reason }, { cause: error })
      }
    },
  }
}

export const peerMessages: Codec<PeerMessage> = jsonCodec('PeerMessage', peerMessage)
export const holderMessages: Codec<HolderMessage> = jsonCodec('HolderMessage', holderMessage)
export const sponsorMessages: Codec<SponsorMessage> = jsonCodec('SponsorMessage', sponsorMessage)
export const logRecords: Codec<LogRecord> = jsonCodec('LogRecord', logRecord)
