/** What no entry of a log may do to a registry, judged from the outside: by the registry before, after, and the events. */
import { canonical } from './interner.ts'
import { count } from './raft-claims.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Command, RegistryEvent } from '../../registry/types.ts'

/** What is remembered from one entry to the next. */
export interface Granted {
  /** By election: the newest token. */
  readonly tokens: Readonly<Record<string, bigint>>
  /** By session and its epoch at the opening: the newest batch number, and what it was answered with. */
  readonly answers: Readonly<Record<string, { readonly number: number; readonly results: string }>>
}

interface Applied {
  readonly before: Registry
  readonly after: Registry
  readonly index: number
  readonly command: Command
  readonly events: readonly RegistryEvent[]
}

type Broken = { readonly invariant: string; readonly message: string } | null

export function brokenBy(
  applied: Applied,
  granted: Granted,
  checked: Record<string, number>,
): { readonly granted: Granted; readonly broken: Broken } {
  const grants = judgeGrants(applied, granted, checked)
  const answers = judgeBatch(applied, granted, checked)
  return {
    granted: { tokens: grants.tokens, answers: answers.answers },
    broken: grants.broken ?? answers.broken ?? wrongEnd(applied, checked) ?? disagreement(applied, checked),
  }
}

/** Held by somebody before the entry or by an earlier event of it: no vacancy. */
function judgeGrants({ before, events, index }: Applied, granted: Granted, checked: Record<string, number>) {
  const holders = new Map([...before.elections].map(([name, { holder }]) => [name, holder?.session ?? null]))
  let tokens = granted.tokens
  let broken: Broken = null
  for (const event of events) {
    if (event.type === 'freed') holders.set(event.election, null)
    if (event.type !== 'granted') continue
    const { election, session, token } = event
    count(checked, 'grant-in-a-vacancy')
    const holder = holders.get(election) ?? null
    if (holder !== null) {
      broken ??= {
        invariant: 'grant-in-a-vacancy',
        message: `${election} is granted to ${session} while ${holder} holds it`,
      }
    }
    if (before.elections.get(election)?.queue.has(session) !== true) {
      broken ??= {
        invariant: 'grant-to-a-waiter',
        message: `${session} is granted ${election}, and never asked for it`,
      }
    }
    if (before.sessions.get(session)?.supersededBy != null) {
      broken ??= {
        invariant: 'superseded-never-wins',
        message: `${session} is superseded and wins ${election}`,
      }
    }
    if (token <= (tokens[election] ?? -1n) || token !== BigInt(index)) {
      broken ??= {
        invariant: 'token-is-the-grant',
        message: `${election} gets token ${token} in entry ${index} after ${tokens[election]}`,
      }
    }
    holders.set(election, session)
    tokens = { ...tokens, [election]: token }
  }
  return { tokens, broken }
}

/** A number is applied once: a repetition changes nothing and gets the same answer. */
function judgeBatch(
  { before, after, command, events }: Applied,
  { answers }: Granted,
  checked: Record<string, number>,
) {
  const session = command.type === 'batch' ? before.sessions.get(command.session) : undefined
  if (command.type !== 'batch' || session === undefined) return { answers, broken: null as Broken }
  const key = command.session
  const known = answers[key]
  const answer = events.find((event) => event.type === 'batch-applied')
  const results = canonical(answer?.results ?? null)
  if (command.number !== session.number)
    return { answers: { ...answers, [key]: { number: command.number, results } }, broken: null as Broken }
  count(checked, 'batch-once')
  const changed = events.some((event) => event.type !== 'batch-applied') || !sameElections(before, after)
  const another = known !== undefined && known.number === command.number && known.results !== results
  const broken: Broken =
    changed || another
      ? {
          invariant: 'batch-once',
          message: `batch ${command.number} of ${key} came again and ${changed ? 'changed something' : 'was answered otherwise'}`,
        }
      : null
  return { answers, broken }
}

function sameElections(left: Registry, right: Registry): boolean {
  return canonical([...left.elections]) === canonical([...right.elections])
}

/** An expiry or a suspicion of another epoch changes nothing, and a suspicion never frees a time-mode election. */
function wrongEnd({ before, command, events }: Applied, checked: Record<string, number>): Broken {
  if (command.type !== 'expire' && command.type !== 'suspect') return null
  const epoch = before.sessions.get(command.session)?.epoch
  count(checked, 'other-epochs-are-left-alone')
  if (epoch !== command.epoch && events.length > 0) {
    return {
      invariant: 'other-epochs-are-left-alone',
      message: `${command.type} of epoch ${command.epoch} strikes ${command.session} in epoch ${epoch}`,
    }
  }
  if (command.type !== 'suspect') return null
  count(checked, 'suspect-spares-time')
  const spared = events.find(
    (event) => event.type === 'freed' && before.elections.get(event.election)?.exclusivity === 'time',
  )
  return spared === undefined
    ? null
    : {
        invariant: 'suspect-spares-time',
        message: `a suspicion of ${command.session} frees an election of time`,
      }
}

/** Every record of a registry tells the same, and the events tell what became of it. */
function disagreement({ after, before, events }: Applied, checked: Record<string, number>): Broken {
  count(checked, 'records-agree')
  for (const [name, election] of after.elections) {
    const holder = election.holder?.session ?? null
    if (holder !== null && after.sessions.get(holder)?.holds.has(name) !== true) {
      return { invariant: 'records-agree', message: `${name} is held by ${holder}, which does not know it` }
    }
    if (after.vacant.has(name) !== (holder === null && election.queue.size > 0)) {
      return { invariant: 'records-agree', message: `whether ${name} is vacant is told in two ways` }
    }
    for (const waiter of election.queue.keys()) {
      if (after.sessions.get(waiter)?.waits.has(name) !== true) {
        return { invariant: 'records-agree', message: `${waiter} waits for ${name} and does not know it` }
      }
    }
  }
  for (const [key, session] of after.sessions) {
    for (const name of session.holds) {
      if (after.elections.get(name)?.holder?.session !== key) {
        return { invariant: 'records-agree', message: `${key} believes to hold ${name}` }
      }
    }
  }
  return untold(before, after, events)
}

function untold(before: Registry, after: Registry, events: readonly RegistryEvent[]): Broken {
  const told = new Map([...before.elections].map(([name, { holder }]) => [name, holder?.session ?? null]))
  for (const event of events) {
    if (event.type === 'freed') told.set(event.election, null)
    if (event.type === 'granted') told.set(event.election, event.session)
  }
  for (const [name, holder] of told) {
    const real = after.elections.get(name)?.holder?.session ?? null
    if (real !== holder) {
      return {
        invariant: 'records-agree',
        message: `the events say that ${holder} holds ${name}, the registry says ${real}`,
      }
    }
  }
  return null
}
