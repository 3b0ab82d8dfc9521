/** How what a bully cluster says looks as JSON, with the limits that its types cannot carry. */
import {
  count,
  duration,
  finite,
  flag,
  list,
  nullable,
  object,
  oneOf,
  optional,
  text,
  textRecord,
  union,
  type Shape,
} from '../../cluster/codec-shape.ts'
import type { EngineSpeech } from '../../cluster/engine/engine.ts'
import type {
  Ballot,
  BullyMessage,
  BullyRecord,
  Freed,
  Held,
  SessionFacts,
  Stand,
  View,
} from '../../protocols/bully/types.ts'
import type { KeepaliveAck, KeepaliveRefusal, Withdrawal } from '../../protocols/support/types.ts'
import type { BullyReply, BullyRequest, BullyWrite } from './words.ts'

const election = text(253, 1)
const id = text(128, 1)
const session = text(300, 1)
const exclusivity = oneOf('time', 'token')
const metadata = textRecord(4096)
const reason = oneOf('withdrawn', 'closed', 'superseded', 'reopened')
/** Ballots that stand in the way of one election at one voter, and facts about them. */
const FEW = 64

const of = object<SessionFacts>({
  session,
  epoch: count,
  id,
  leaseMs: duration,
  host: nullable(object<NonNullable<SessionFacts['host']>>({ peer: id, incarnation: count })),
})
const stand = object<Stand>({ of, priority: finite, exclusivity, metadata })
const ballot = object<Ballot>({ epoch: count, stand })
const freed = object<Freed>({ session, epoch: count })
const withdrawal = object<Withdrawal>({ session, epoch: count })
const facts = { withdrawn: list(withdrawal, FEW), freed: list(freed, FEW) }
const view = object<View>({
  promised: count,
  won: count,
  held: list(object<Held>({ epoch: count, stand, isSilent: flag }), FEW),
  ...facts,
})

const message = union<BullyMessage, 'type'>('type', {
  keepalive: { session, epoch: count, sequence: count, patient: optional(flag) },
  'keepalive-ack': { session, epoch: count, sequence: count, voter: id, voterIncarnation: count },
  'keepalive-refusal': { session, epoch: count, voter: id, reason },
  'withdraw-answer': { session, epoch: count, voter: id },
  withdraw: { of },
  open: { of },
  'open-reply': { session, epoch: count, is: oneOf('open', 'duplicate', 'over') },
  'open-needed': { session },
  reopened: { of },
  closed: { session },
  ask: { election, round: count, stand },
  answer: { election, round: count, session, view, better: nullable(stand) },
  vote: { election, ballot, won: count, ...facts },
  'vote-reply': { election, session, epoch: count, granted: flag, view },
  led: { note: count, election, epoch: count, stand, version: count },
  noted: { note: count },
  freed: { note: count, election, freed, heir: nullable(id), won: count },
  left: { election, session },
})

/** Of a bully whose peers say `message` to each other. */
export function bullyRequest<Message>(message: Shape<Message>): Shape<BullyRequest<Message>> {
  return union<BullyRequest<Message>, 'type'>('type', { ...requests, peer: { message } })
}

const requests = {
  persisted: { sequence: count },
  open: { epoch: count, id, leaseMs: duration },
  keepalive: { epoch: count, sequence: count },
  close: {},
  campaign: { election, exclusivity, priority: finite, metadata, tag: count },
  leave: { election, heir: nullable(id), tag: count },
  proclaim: { election, metadata, tag: count },
  seek: { election, to: id, tag: count },
  watch: { election },
  unwatch: { election },
  release: { session },
}

export const bullyReply: Shape<BullyReply> = union<BullyReply, 'type'>('type', {
  opened: { epoch: count },
  duplicate: {},
  over: {},
  ack: {
    ack: object<Omit<KeepaliveAck, 'type' | 'session'>>({
      epoch: count,
      sequence: count,
      voter: id,
      voterIncarnation: count,
    }),
  },
  refusal: {
    refusal: object<Omit<KeepaliveRefusal, 'type' | 'session'>>({ epoch: count, voter: id, reason }),
  },
  granted: { election, epoch: count, tag: count },
  waiting: { election, ahead: count },
  refused: { election },
  superseded: { election, epoch: count },
  risen: { election, epoch: count },
  known: { election, tag: count },
  'not-holder': { election, tag: count },
  sought: { election, tag: count, stands: flag },
  closed: { known: flag },
  state: {
    election,
    epoch: count,
    version: count,
    leader: nullable(object<{ readonly id: string; readonly metadata: Stand['metadata'] }>({ id, metadata })),
    isOver: flag,
  },
})

const record = union<BullyRecord, 'type'>('type', {
  vote: { election, ballot, past: list(ballot, FEW) },
  withdrawal: { withdrawal },
  reopened: { withdrawal },
})

export const bullySpeech: EngineSpeech<BullyRequest, BullyReply, BullyWrite> = {
  engine: 'bully',
  request: bullyRequest(message),
  reply: bullyReply,
  record: object<BullyWrite>({ records: list(record, 20_000) }),
  // A core sends those of all its sessions together: none of them may take the others with it.
  isKeepalive: () => false,
}
