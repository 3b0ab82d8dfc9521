/** How what proposers and acceptors say looks as JSON, with the limits that their types cannot carry. */
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
} from '../../cluster/codec-shape.ts'
import type { EngineSpeech } from '../../cluster/engine/engine.ts'
import type {
  AcceptorRecord,
  CleanStop,
  Past,
  Host,
  Kept,
  Owner,
  PaxosReply,
  PaxosRequest,
} from '../../protocols/paxos/types.ts'

const instance = text(255, 3)
const id = text(128, 1)
const session = text(300, 1)
const exclusivity = oneOf('time', 'token')
const metadata = textRecord(4096)
const ballot = count
const tie = { life: count, tie: count }

const owner = object<Owner>({
  session,
  id,
  leaseMs: duration,
  exclusivity,
  token: count,
  metadata,
  revision: count,
})

const kept = object<Kept>({
  instance,
  session,
  id,
  leaseMs: duration,
  exclusivity,
  token: count,
  metadata,
  revision: count,
  ballot,
  via: id,
  host: nullable(object<Host>({ peer: id, incarnation: count })),
})

const past = object<Past>({ instance, token: count })

const request = union<PaxosRequest, 'type'>('type', {
  keepalive: { sequence: count, leaseMs: duration },
  prepare: { instance, ballot, id, leaseMs: duration, exclusivity, priority: finite },
  propose: { instance, ballot, owner, sequence: count },
  release: {
    instance,
    ballot,
    to: nullable(id),
    stays: flag,
    why: optional(oneOf('released', 'transferred', 'expired')),
  },
  seek: { instance, to: id },
  watch: { instance },
  unwatch: { instance },
  close: {},
})

const reply = union<PaxosReply, 'type'>('type', {
  'keepalive-ack': { sequence: count, told: count, ...tie },
  promise: { instance, ballot },
  accepted: { instance, ballot, revision: count, sequence: count, ...tie },
  rejected: { instance, ballot, promised: count },
  superseded: { instance, token: count },
  held: {
    instance,
    ballot,
    by: object<Pick<Owner, 'session' | 'id' | 'token' | 'exclusivity'>>({
      session,
      id,
      token: count,
      exclusivity,
    }),
    silentMs: duration,
    ahead: count,
    told: count,
    ...tie,
  },
  unsure: { instance, ballot, waitMs: duration },
  released: { instance, ballot, owned: flag },
  closed: { known: flag },
  sought: { instance, to: id, waits: flag },
  free: { instance, rank: count, told: count, ...tie },
  state: {
    instance,
    version: count,
    owner: nullable(
      object<Pick<Owner, 'id' | 'token' | 'metadata' | 'revision'>>({
        id,
        token: count,
        metadata,
        revision: count,
      }),
    ),
    unsure: flag,
    ...tie,
  },
})

export const paxosSpeech: EngineSpeech<PaxosRequest, PaxosReply, AcceptorRecord> = {
  engine: 'paxos',
  request,
  reply,
  record: object<AcceptorRecord>({
    ceiling: count,
    longestLeaseMs: duration,
    stopped: optional(object<CleanStop>({ life: count, kept: list(kept, 10_000), past: list(past, 10_000) })),
  }),
  isKeepalive: ({ type }) => type === 'keepalive',
}
