/**
 * Who leads, as a process that stands for nothing sees it: every acceptor tells it of each change, and what a majority
 * says is what it believes. A hint, as everything is that was true when it was sent.
 */
import { majoritySize } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import type { Instance, Owner, PaxosReply, PaxosRequest, Tie } from './types.ts'

export interface ObserverOptions {
  readonly acceptors: readonly PeerId[]
  readonly leaseMs: number
  /** An acceptor that was not heard for so long does not count. */
  readonly contactMs: number
}

export type Observed =
  | { readonly is: 'led'; readonly owner: ObservedOwner }
  | { readonly is: 'vacant' }
  | { readonly is: 'unknown' }

type ObservedOwner = Pick<Owner, 'id' | 'token' | 'metadata' | 'revision'>
type State = Extract<PaxosReply, { type: 'state' }>

interface Watch {
  readonly states: Map<PeerId, State>
  /** Told last; null before the first. */
  told: Observed | null
  /** The newest owner told: news of an earlier one is old. */
  newest: { readonly token: number; readonly revision: number }
}

interface View extends Tie {
  news: number
  heardAt: number
}

export interface Observer {
  readonly options: ObserverOptions
  readonly watches: Map<Instance, Watch>
  readonly acceptors: Map<PeerId, View>
  sequence: number
  startedAt: number
}

export type ObserverEffect =
  | { readonly type: 'send'; readonly to: PeerId | null; readonly request: PaxosRequest }
  | { readonly type: 'observed'; readonly instance: Instance; readonly state: Observed }

export function createObserver(options: ObserverOptions, now: number): Observer {
  return { options, watches: new Map(), acceptors: new Map(), sequence: 0, startedAt: now }
}

export function observe(observer: Observer, instance: Instance): ObserverEffect[] {
  const fresh: Watch = { states: new Map(), told: null, newest: { token: -1, revision: 0 } }
  observer.watches.set(instance, fresh)
  return [...observer.acceptors.keys()].map((to) => ({
    type: 'send',
    to,
    request: { type: 'watch', instance },
  }))
}

export function unobserve(observer: Observer, instance: Instance): ObserverEffect[] {
  observer.watches.delete(instance)
  return [{ type: 'send', to: null, request: { type: 'unwatch', instance } }]
}

/** Once a heartbeat while anything is watched. */
export function beatObserver(observer: Observer, now: number): ObserverEffect[] {
  observer.sequence += 1
  const { leaseMs } = observer.options
  const request: PaxosRequest = { type: 'keepalive', sequence: observer.sequence, leaseMs }
  const effects: ObserverEffect[] = [{ type: 'send', to: null, request }]
  for (const instance of observer.watches.keys()) judge(observer, instance, now, effects)
  return effects
}

export function heardFrom(
  observer: Observer,
  from: PeerId,
  reply: PaxosReply,
  now: number,
): ObserverEffect[] {
  const effects: ObserverEffect[] = []
  if (reply.type !== 'keepalive-ack' && reply.type !== 'state') return effects
  const view = viewOf(observer, from, reply, now, effects)
  if (view === null) return effects
  view.heardAt = now
  if (reply.type === 'keepalive-ack') {
    if (reply.told !== view.news) rewatch(observer, from, effects)
    view.news = reply.told
    return effects
  }
  view.news += 1
  const watch = observer.watches.get(reply.instance)
  const known = watch?.states.get(from)
  if (watch === undefined || (known?.life === reply.life && known.version > reply.version)) return effects
  watch.states.set(from, reply)
  judge(observer, reply.instance, now, effects)
  return effects
}

/** Null for what an acceptor said under an earlier tie. A new tie may have forgotten who watches. */
function viewOf(
  observer: Observer,
  from: PeerId,
  { life, tie }: Tie,
  now: number,
  effects: ObserverEffect[],
): View | null {
  const known = observer.acceptors.get(from)
  if (known?.life === life && known.tie === tie) return known
  if (known !== undefined && (life < known.life || (life === known.life && tie < known.tie))) return null
  const view = { life, tie, news: 0, heardAt: now }
  observer.acceptors.set(from, view)
  rewatch(observer, from, effects)
  return view
}

function rewatch(observer: Observer, to: PeerId, effects: ObserverEffect[]): void {
  for (const instance of observer.watches.keys())
    effects.push({ type: 'send', to, request: { type: 'watch', instance } })
}

function judge(observer: Observer, instance: Instance, now: number, effects: ObserverEffect[]): void {
  const watch = observer.watches.get(instance)
  if (watch === undefined) return
  const state = stateOf(observer, watch, now)
  if (state === null || isSame(watch.told, state)) return
  watch.told = state
  if (state.is === 'led') watch.newest = state.owner
  effects.push({ type: 'observed', instance, state })
}

/** Null: cannot be told, or is older than what was told. */
function stateOf({ options, acceptors, startedAt }: Observer, watch: Watch, now: number): Observed | null {
  const majority = majoritySize(options.acceptors.length)
  const heard = options.acceptors.filter(
    (peer) => now - (acceptors.get(peer)?.heardAt ?? -Infinity) <= options.contactMs,
  )
  if (heard.length < majority) return now - startedAt > options.contactMs ? { is: 'unknown' } : null
  const states = heard.flatMap((peer) => watch.states.get(peer) ?? [])
  const owned = new Map<number, { owner: ObservedOwner; count: number }>()
  let vacant = 0
  for (const { owner, unsure } of states) {
    if (owner === null) vacant += unsure ? 0 : 1
    else {
      const known = owned.get(owner.token)
      const newer = known === undefined || owner.revision > known.owner.revision ? owner : known.owner
      owned.set(owner.token, { owner: newer, count: (known?.count ?? 0) + 1 })
    }
  }
  for (const { owner, count } of owned.values()) {
    if (count < majority) continue
    const { token, revision } = watch.newest
    return owner.token < token || (owner.token === token && owner.revision < revision)
      ? null
      : { is: 'led', owner }
  }
  // One acceptor may have let go of the owner while the news of another one that has it is still on its way.
  const isLeft = watch.told?.is !== 'led' || !owned.has(watch.told.owner.token)
  return vacant >= majority && isLeft ? { is: 'vacant' } : null
}

function isSame(one: Observed | null, other: Observed): boolean {
  if (one?.is !== other.is) return false
  if (one.is !== 'led' || other.is !== 'led') return true
  return one.owner.token === other.owner.token && one.owner.revision === other.owner.revision
}
