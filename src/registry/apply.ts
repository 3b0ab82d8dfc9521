/**
 * `apply` is the state machine: it writes one log entry into the registry and tells what changed, in the order in
 * which holders must hear it (a `freed` always before the `granted` that follows). It never throws and never refuses an
 * entry: what cannot be done has a result or no effect, on every peer the same.
 */
import type { SessionKey } from '../protocols/support/types.ts'
import { dequeue, free, grantTo, type Change } from './queue.ts'
import { applyRequest, limitExceeded } from './requests.ts'
import type { Registry, Session } from './state.ts'
import type { Command, FreedReason, RegistryEvent, RequestResult } from './types.ts'

type Open = Extract<Command, { type: 'open' }>
type Batch = Extract<Command, { type: 'batch' }>

/** `index` is the entry's place in the log, growing from call to call. */
export function apply(registry: Registry, index: number, command: Command): RegistryEvent[] {
  const change: Change = { registry, index, events: [], queues: new Set() }
  applyCommand(change, command)
  for (const election of change.queues) {
    // Whoever moved may have left with the same entry.
    if ((registry.elections.get(election)?.queue.size ?? 0) > 0) {
      change.events.push({ type: 'queue-changed', election })
    }
  }
  return change.events
}

function applyCommand(change: Change, command: Command): void {
  switch (command.type) {
    case 'open':
      open(change, command)
      return
    case 'reopen':
      reopen(change, command.session, command.epoch)
      return
    case 'batch':
      batch(change, command)
      return
    case 'grant':
      for (const { election, session } of command.grants) grant(change, election, session)
      return
    case 'expire': {
      const session = inEpoch(change, command)
      if (session !== null) end(change, session, 'expired')
      return
    }
    case 'suspect': {
      const session = inEpoch(change, command)
      if (session !== null) suspect(change, session)
      return
    }
    case 'close': {
      const session = change.registry.sessions.get(command.session)
      if (session !== undefined) end(change, session, 'closed')
      return
    }
    default:
      command satisfies never
  }
}

/**
 * Idempotent for a session that is open. The epoch is the entry's index, and a reopen adds one while it takes an entry
 * of its own. So a key never has an epoch twice, even when a delayed duplicate opens it again after its end (A1): an old
 * `expire` in the log cannot hit it.
 */
function open(change: Change, { session: key, id, leaseMs, host }: Open): void {
  const { registry, index, events } = change
  if (registry.sessions.has(key)) return
  if (registry.sessions.size >= registry.limits.sessions) {
    const max = registry.limits.sessions
    const message = `The cluster has ${max} sessions, its limit. Close some before you open others.`
    events.push({ type: 'open-refused', session: key, code: 'LIMIT_EXCEEDED', message })
    return
  }
  const session: Session = {
    key,
    id,
    leaseMs,
    host,
    epoch: index,
    number: 0,
    results: [],
    supersededBy: null,
    holds: new Set(),
    waits: new Set(),
  }
  const older = registry.newest.get(id)
  registry.sessions.set(key, session)
  registry.newest.set(id, key)
  if (host !== null) {
    const hosted = registry.hosted.get(host.peer)
    if (hosted === undefined) registry.hosted.set(host.peer, new Set([key]))
    else hosted.add(key)
  }
  events.push({ type: 'session-opened', session: key, id, epoch: index, leaseMs })
  if (older !== undefined) supersede(change, older, key)
}

/** Keeps its grants until it is silent for its lease; loses its places in all queues, since it must not win again. */
function supersede(change: Change, older: SessionKey, by: SessionKey): void {
  const session = change.registry.sessions.get(older)
  if (session === undefined) return
  session.supersededBy = by
  change.events.push({ type: 'session-superseded', session: older, by })
  for (const election of session.waits) dequeue(change, session, election)
}

/** A superseded session is meant to run out: moving it to a fresh epoch would void what was withdrawn already. */
function reopen(change: Change, key: SessionKey, epoch: number): void {
  const session = change.registry.sessions.get(key)
  if (session === undefined || session.epoch !== epoch || session.supersededBy !== null) return
  session.epoch += 1
  change.events.push({
    type: 'session-reopened',
    session: key,
    epoch: session.epoch,
    leaseMs: session.leaseMs,
  })
}

function batch(change: Change, { session: key, number, requests }: Batch): void {
  const session = change.registry.sessions.get(key)
  // A session has one batch in flight, so a gap means that the one which applied the others is over and this is a
  // later life of its key, opened by a delayed duplicate. Either way that session has ended.
  if (session === undefined || number > session.number + 1) {
    const ended: RequestResult = { is: 'refused', code: 'CLOSED', message: 'The session has ended.' }
    change.events.push({ type: 'batch-applied', session: key, number, results: requests.map(() => ended) })
    return
  }
  // Older than the last one: the session has its answer, or it would not have sent the next.
  if (number < session.number) return
  if (number > session.number) {
    session.number = number
    session.results = resultsOf(change, session, requests)
  }
  change.events.push({ type: 'batch-applied', session: key, number, results: session.results })
}

function resultsOf(change: Change, session: Session, requests: Batch['requests']): RequestResult[] {
  const max = change.registry.limits.requestsPerBatch
  if (requests.length > max) {
    const refused = limitExceeded('requestsPerBatch', max, 'Send fewer requests at a time.')
    return requests.map(() => refused)
  }
  return requests.map((request) => applyRequest(change, session, request))
}

/** Checked again here, because the leader decided before the entries in front of this one were committed. */
function grant(change: Change, name: string, key: SessionKey): void {
  const election = change.registry.elections.get(name)
  const session = change.registry.sessions.get(key)
  const waiter = election?.queue.get(key)
  if (election === undefined || session === undefined || waiter === undefined) return
  if (election.holder === null) grantTo(change, election, session, waiter)
}

/**
 * Frees what only the token protects. The session keeps its places in the queues: suspicion is no proof, a silent
 * waiter costs nobody anything because the leader passes it by, and after a false alarm it stands where it stood.
 */
function suspect(change: Change, session: Session): void {
  for (const name of session.holds) {
    const election = change.registry.elections.get(name)
    if (election?.exclusivity === 'token') free(change, election, session, 'suspected')
  }
}

function end(change: Change, session: Session, reason: FreedReason & ('closed' | 'expired')): void {
  const { registry } = change
  for (const name of session.holds) {
    const election = registry.elections.get(name)
    if (election !== undefined) free(change, election, session, reason)
  }
  for (const name of session.waits) dequeue(change, session, name)
  registry.sessions.delete(session.key)
  if (registry.newest.get(session.id) === session.key) registry.newest.delete(session.id)
  if (session.host !== null) {
    const hosted = registry.hosted.get(session.host.peer)
    hosted?.delete(session.key)
    if (hosted?.size === 0) registry.hosted.delete(session.host.peer)
  }
  change.events.push({ type: 'session-closed', session: session.key, reason })
}

/** What was decided about another epoch is void (A5). */
function inEpoch(
  { registry }: Change,
  about: { readonly session: SessionKey; readonly epoch: number },
): Session | null {
  const session = registry.sessions.get(about.session)
  return session?.epoch === about.epoch ? session : null
}
