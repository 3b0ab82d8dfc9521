/** Runs the machine of lease/ for one candidacy: executes its effects, feeds it answers, timers and calls. */
import type {
  LeaseEffect,
  LeaseInput,
  LeaseSettings,
  LeaveResult,
  Now,
  ReadOutcome,
  TimerName,
} from '../lease/machine-types.ts'
import { newCandidacy, stepLease } from '../lease/machine.ts'
import type { VersionValue } from '../lease/record.ts'
import { publish } from '../observability/channels.ts'
import type { Timer } from '../seams/clock.ts'
import { between } from '../seams/random.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LeaseStore,
  LeaseWrite,
  Metadata,
} from './backend.ts'
import { requests } from './lease-request.ts'
import type { Watches } from './lease-watch.ts'

export interface CandidacyHost<V> {
  readonly store: LeaseStore<V>
  readonly env: BackendEnv
  readonly watches: Watches<V>
  readonly settings: LeaseSettings
  /** Elections that the store answered for in this session: whoever stands again is no more refused for want of rights. */
  readonly answered: Set<string>
}

export interface RunningCandidacy {
  readonly candidacy: Candidacy
  /** Resolves once it asks for nothing more and no timer of it is left. */
  readonly over: Promise<void>
  /** `ended` was called, or `leave` was: the election may be entered again. */
  isEnded(): boolean
  start(): void
}

interface Proclaim {
  readonly number: number
  settle(result: 'done' | 'was-not-holder' | 'unknown'): void
}

export function runCandidacy<V extends VersionValue>(
  host: CandidacyHost<V>,
  request: CandidacyRequest,
  on: CandidacyEvents,
): RunningCandidacy {
  const { store, env, settings } = host
  const { clock } = env
  const current = requests(env)
  const timers = new Map<TimerName, Timer>()
  const watch = host.watches.share(request.election, (seen) => step({ type: 'hint', seen }))
  const about = (): { readonly election: string; readonly candidateId: string } => ({
    election: request.election,
    candidateId: settings.id,
  })
  const now: Now = { lowerMs: 0, elapsedMs: (since) => clock.elapsedMs(since) }
  let state = newCandidacy<V>(settings, request.metadata, host.answered.has(request.election))
  // Calls out of a callback wait until the effects of the step that called back are done.
  const inbox: LeaseInput<V>[] = []
  let stepping = false
  let ended = false
  let left: Promise<LeaveResult> | undefined
  const leaveSettled = deferred<LeaveResult>()
  const over = deferred<void>()
  let proclaims: Proclaim[] = []
  let proclaimed = 0

  const step = (input: LeaseInput<V>): void => {
    inbox.push(input)
    if (stepping) return
    stepping = true
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      const done = stepLease(state, next, { ...now, lowerMs: clock.lower() })
      state = done.state
      if (state.answered) host.answered.add(request.election)
      for (const effect of done.effects) perform(effect)
      if (state.phase.is === 'over') finish()
    }
    stepping = false
  }

  /** Tells the user, unless he left. What he throws must not stop the machine in the middle of a step. */
  const tell = (call: () => void): void => {
    if (ended || left !== undefined) return
    try {
      call()
    } catch (error) {
      env.report({ during: 'candidacy event', error })
    }
  }

  const perform = (effect: LeaseEffect<V>): void => {
    switch (effect.type) {
      case 'read':
        if (state.phase.is === 'leading' && state.phase.uncertain) publish('mandate:slow-renewal', about)
        return read(effect)
      case 'write':
        return write(effect)
      case 'arm':
        return arm(effect)
      case 'disarm':
        return disarm(effect.timer)
      case 'waiting':
        return tell(() => on.waiting(undefined))
      case 'won': {
        const renewal = { sentAt: effect.sentAt, grantedMs: effect.leaseMs }
        return tell(() => on.won({ token: effect.token, renewal }))
      }
      case 'renewed':
        return tell(() => on.renewed({ sentAt: effect.sentAt, grantedMs: effect.leaseMs }))
      case 'ended': {
        const { type: _, ...end } = effect
        tell(() => on.ended(end))
        ended = true
        return undefined
      }
      case 'proclaimed':
        return settleProclaims('done', effect.upTo)
      case 'left':
        return leaveSettled.resolve(effect.result)
      case 'report':
        return env.report({ during: `${effect.during} of ${request.election}`, error: effect.error })
      default:
        return effect satisfies never
    }
  }

  const read = ({ request: id, timeoutMs }: Extract<LeaseEffect<V>, { type: 'read' }>): void =>
    current.start<ReadOutcome<V>>({
      timeoutMs,
      send: async (signal) => ({ is: 'read', ...(await store.read(request.election, { signal })) }),
      failed: (error) => ({ is: 'failed', error }),
      done: (outcome) => {
        if (outcome.is === 'read') watch.seen(outcome.version)
        step({ type: 'read-done', request: id, outcome })
      },
    })

  const write = (effect: Extract<LeaseEffect<V>, { type: 'write' }>): void => {
    const sentAt = clock.upper()
    current.start<LeaseWrite<V>>({
      timeoutMs: effect.timeoutMs,
      send: (signal) => store.write(request.election, effect.next, effect.expect, { signal }),
      // Only the store can say that a write was not applied; an exception says nothing.
      failed: (error) => ({ is: 'unknown', error }),
      done: (outcome) => {
        if (outcome.is === 'applied') watch.seen(outcome.version)
        step({ type: 'write-done', request: effect.request, sentAt, outcome })
      },
    })
  }

  const arm = ({ timer, afterMs }: Extract<LeaseEffect<V>, { type: 'arm' }>): void => {
    disarm(timer)
    const fire = (): void => {
      timers.delete(timer)
      step({ type: 'timer', timer })
    }
    // Whoever may take over reads first what arrived during a stall; a holder's timers never yield.
    const due = timer === 'look' ? () => timers.set(timer, clock.afterPoll(fire)) : fire
    timers.set(timer, clock.setTimer(between(env.random, afterMs[0], afterMs[1]), due))
  }

  const disarm = (timer: TimerName): void => {
    timers.get(timer)?.cancel()
    timers.delete(timer)
  }

  const settleProclaims = (result: 'done' | 'was-not-holder', upTo: number): void => {
    const due = proclaims.filter((proclaim) => proclaim.number <= upTo)
    proclaims = proclaims.filter((proclaim) => proclaim.number > upTo)
    for (const proclaim of due) proclaim.settle(result)
  }

  const finish = (): void => {
    ended = true
    current.cancel()
    for (const timer of timers.values()) timer.cancel()
    timers.clear()
    watch.stop()
    settleProclaims('was-not-holder', Number.POSITIVE_INFINITY)
    // No effect where the machine gave its own answer.
    leaveSettled.resolve('was-not-holder')
    over.resolve()
  }

  const leave = (o: Cancellable): Promise<LeaveResult> => {
    if (left === undefined && !ended) {
      left = leaveSettled.promise
      step({ type: 'leave' })
    }
    // Also where a transfer is still releasing: whoever closes the session waits for that too.
    onAbort(o.signal, over.promise, () => step({ type: 'give-up' }))
    return left ?? Promise.resolve('was-not-holder')
  }

  const transfer = async (to: string, o: Cancellable): Promise<'done' | 'refused' | 'unknown'> => {
    if (state.phase.is !== 'leading' || left !== undefined || to === settings.id) return 'refused'
    step({ type: 'transfer', to })
    onAbort(o.signal, leaveSettled.promise, () => step({ type: 'give-up' }))
    const result = await leaveSettled.promise
    if (result === 'unknown') return 'unknown'
    return result === 'left' ? 'done' : 'refused'
  }

  const proclaim = (metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'> => {
    if (state.phase.is !== 'leading' || left !== undefined) return Promise.resolve('was-not-holder')
    const number = ++proclaimed
    const settled = deferred<'done' | 'was-not-holder' | 'unknown'>()
    proclaims.push({ number, settle: settled.resolve })
    step({ type: 'proclaim', number, metadata })
    onAbort(o.signal, settled.promise, () => settled.resolve('unknown'))
    return settled.promise
  }

  return {
    candidacy: { leave, transfer, proclaim },
    over: over.promise,
    isEnded: () => ended || left !== undefined,
    start: () => step({ type: 'start' }),
  }
}

interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve: (value) => resolve(value) }
}

/** Calls `abort` when the signal aborts before `settled`; leaves no listener behind. */
function onAbort(signal: AbortSignal | undefined, settled: Promise<unknown>, abort: () => void): void {
  if (signal === undefined) return
  if (signal.aborted) {
    abort()
    return
  }
  signal.addEventListener('abort', abort, { once: true })
  void settled.finally(() => signal.removeEventListener('abort', abort))
}
