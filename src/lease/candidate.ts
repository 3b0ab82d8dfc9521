/** Before the win: look, wait until a version may be taken, take exactly that version. */
import { MandateError } from '../errors.ts'
import { lead, validityOf } from './holder.ts'
import type { LeaseInput, LeaseState, Now, Phase, ReadOutcome, Seen, Step } from './machine-types.ts'
import { observe, showsHint, waitBeforeTakeoverMs } from './observation.ts'
import type { Hinted } from './observation.ts'
import { acquired, isOwn } from './record.ts'
import type { VersionValue } from './record.ts'
import { backoff, end, first, isRefusal, read, roundUp, stay, write } from './requests.ts'

/** A candidate polls at 0.8 to 1.2 times its interval, so that many of them do not ask in step. */
const POLL_JITTER = 0.2

export function look<V extends VersionValue>(state: LeaseState<V>): Step<V> {
  return read(state, (request) => ({ is: 'looking', request, hinted: 'no' }))
}

export function stepCandidate<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Phase<V>,
  input: LeaseInput<V>,
  now: Now,
): Step<V> {
  switch (input.type) {
    case 'read-done':
      if (phase.is !== 'looking' || input.request !== phase.request) return stay(state)
      return seen(state, input.outcome, phase.hinted, now)
    case 'write-done':
      if (phase.is !== 'acquiring' || input.request !== phase.request) return stay(state)
      return written(state, phase, input, now)
    case 'timer':
      if (phase.is !== 'waiting' || input.timer !== 'look') return stay(state)
      return !phase.pausing && mayTake(state, now) ? decide(state, now) : look(state)
    case 'hint':
      return hinted(state, phase, input.seen, now)
    default:
      return stay(state)
  }
}

function hinted<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Phase<V>,
  news: Seen<V> | undefined,
  now: Now,
): Step<V> {
  switch (phase.is) {
    case 'waiting': {
      if (phase.pausing) return stay(state)
      const next = news === undefined ? look(state) : seen(state, { is: 'read', ...news }, 'no', now)
      return first([{ type: 'disarm', timer: 'look' }], next)
    }
    case 'looking':
      return stay({
        ...state,
        phase: { ...phase, hinted: news === undefined ? 'somehow' : { to: news.version } },
      })
    case 'acquiring':
      // Our own write is told of too, and often before its answer comes.
      if (news === undefined || isOwn(news.record, state.settings)) return stay(state)
      return stay({ ...state, phase: { ...phase, doubted: true } })
    default:
      return stay(state)
  }
}

function seen<V extends VersionValue>(
  state: LeaseState<V>,
  outcome: ReadOutcome<V>,
  hint: Hinted<V>,
  now: Now,
): Step<V> {
  if (outcome.is === 'failed') {
    if (isRefusal(state, outcome.error)) return end(state, 'refused', outcome.error)
    return first([{ type: 'report', during: 'read', error: outcome.error }], pause(state))
  }
  const previous = state.observation
  const observation = observe(previous, outcome, now.lowerMs)
  const { record } = observation
  // Every write of ours expected the older version: none of them can land any more.
  const unresolved = state.unresolved?.expect === observation.version ? state.unresolved : null
  const next = { ...state, answered: true, observation, unresolved }
  if (record !== null && record.exclusivity !== state.settings.exclusivity) {
    return end(next, 'refused', modeMismatch(state, record.exclusivity))
  }
  const namesake = record !== null && record.holder === state.settings.id && !isOwn(record, state.settings)
  const renewed =
    namesake && previous?.record?.incarnation === record.incarnation && previous.version !== outcome.version
  const namesakeRenewals = namesake ? state.namesakeRenewals + (renewed ? 1 : 0) : 0
  // One renewal may be a dead process's last write, landing late; a second one proves life (DESIGN §2 "Same id twice").
  if (namesakeRenewals >= 2) return end(next, 'refused', duplicate(state))
  const known = { ...next, namesakeRenewals }
  // Waiting for the wrong version would last its whole lease; taking it is conditional anyway.
  return showsHint(hint, observation.version) || mayTake(known, now) ? decide(known, now) : look(known)
}

function mayTake<V extends VersionValue>(state: LeaseState<V>, now: Now): boolean {
  return (
    state.observation !== null && waitBeforeTakeoverMs(state.observation, state.settings, now.lowerMs) <= 0
  )
}

/** Takes the version we know, or waits for it to run out. */
function decide<V extends VersionValue>(state: LeaseState<V>, now: Now): Step<V> {
  const { observation, settings } = state
  if (observation === null) return look(state)
  const waitMs = waitBeforeTakeoverMs(observation, settings, now.lowerMs)
  if (waitMs <= 0) {
    const next = acquired(observation.record, settings, { ...settings, metadata: state.metadata })
    const expect = observation.version
    return write(state, next, expect, (request) => ({
      is: 'acquiring',
      request,
      expect,
      next,
      doubted: false,
    }))
  }
  const restMs = roundUp(waitMs)
  const pollMs: readonly [number, number] = [
    Math.min(settings.pollMs * (1 - POLL_JITTER), restMs),
    Math.min(settings.pollMs * (1 + POLL_JITTER), restMs),
  ]
  const step = stay<V>(
    { ...state, failures: 0, announced: true, phase: { is: 'waiting', pausing: false } },
    { type: 'arm', timer: 'look', afterMs: pollMs },
  )
  return state.announced ? step : first([{ type: 'waiting' }], step)
}

function written<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Extract<Phase<V>, { is: 'acquiring' }>,
  input: Extract<LeaseInput<V>, { type: 'write-done' }>,
  now: Now,
): Step<V> {
  const { outcome } = input
  switch (outcome.is) {
    case 'applied': {
      const grant = {
        sentAt: input.sentAt,
        token: outcome.token,
        version: outcome.version,
        record: phase.next,
      }
      const next = { ...state, answered: true, unresolved: null }
      const validityMs = validityOf(grant, state.settings)
      const { doubted } = phase
      if (now.elapsedMs(input.sentAt) < validityMs) return lead({ ...next, failures: 0 }, grant, now, doubted)
      // The answer came after the deadline: the record is ours, the leadership is not. Take it anew.
      return pause({
        ...next,
        observation: { record: phase.next, version: outcome.version, sinceMs: now.lowerMs },
      })
    }
    case 'conflict':
      // Also our own earlier write, whose answer was lost, may have been in the way: `unresolved` stays until a read.
      return retryByReading({ ...state, answered: true })
    case 'unknown':
      return retryByReading({ ...state, unresolved: { expect: phase.expect } })
    case 'rejected':
      if (isRefusal(state, outcome.error)) return end(state, 'refused', outcome.error)
      return first([{ type: 'report', during: 'acquisition', error: outcome.error }], pause(state))
    default:
      return outcome satisfies never
  }
}

/** Reads at once the first time, after a pause if attempts keep failing. */
function retryByReading<V extends VersionValue>(state: LeaseState<V>): Step<V> {
  if (state.failures === 0) return look({ ...state, failures: 1 })
  return pause(state)
}

/** A read comes next even where the known version could be taken: what became of our write is looked up first. */
function pause<V extends VersionValue>(state: LeaseState<V>): Step<V> {
  const next = { ...state, failures: state.failures + 1 }
  return stay(
    { ...next, phase: { is: 'waiting', pausing: true } },
    { type: 'arm', timer: 'look', afterMs: backoff(next, 2 * state.settings.retryMs) },
  )
}

function modeMismatch({ settings }: LeaseState<unknown>, actual: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `election '${settings.election}' has exclusivity '${actual}', this candidate asked for '${settings.exclusivity}': ` +
      `ask for '${actual}', or use another election`,
    { option: 'exclusivity', value: settings.exclusivity, expected: actual },
  )
}

function duplicate({ settings }: LeaseState<unknown>): MandateError<'DUPLICATE_ID'> {
  return new MandateError(
    'DUPLICATE_ID',
    `another live process leads election '${settings.election}' as '${settings.id}': give each process its own candidate id`,
    { id: settings.id },
  )
}
