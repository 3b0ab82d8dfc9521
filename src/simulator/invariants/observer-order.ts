/**
 * What observers are told is the log, in its order (S14): each state was true at a place of the log that is not before
 * that of the state told last, and a token never follows a greater one. Places may be skipped: the newest wins.
 */
import type { Metadata } from '../../backends/backend.ts'
import type { ObservedState } from '../../cluster/messages.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'
import { same } from './models/same.ts'

export const observerOrder: Invariant = {
  name: 'observer-order',
  claim:
    'An observer is told states that the log went through, in that order, and no smaller token later (S14).',
  types: [...commitEvents, 'observed'],
  check: (context) => new ObserverOrder(context),
}

type Told = Exclude<ObservedState, { is: 'unknown' }>
type State = { readonly id: string; readonly token: bigint; readonly metadata: Metadata } | 'vacant'

class ObserverOrder implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  /** By election, all it went through. */
  readonly #states = new Map<string, State[]>()
  /** By observer: the place of what it was told last. */
  readonly #places = new Map<number, number>()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    for (const effect of this.#ledger.fresh) {
      if (effect.type === 'granted' || effect.type === 'proclaimed') {
        const { grant, metadata } = effect
        this.#of(grant.election).push({ id: grant.id, token: grant.token, metadata })
      }
      if (effect.type === 'freed') this.#of(effect.grant.election).push('vacant')
    }
    if (event.type === 'observed') this.#told(event)
  }

  #told({ observer, process, election, state, at }: Extract<HistoryEvent, { type: 'observed' }>): void {
    if (state.is === 'unknown') return
    this.evaluations += 1
    const states = this.#of(election)
    const before = this.#places.get(observer) ?? 0
    let place = before
    while (place < states.length && !isTold(states[place], state)) place += 1
    ensure(place < states.length, () => {
      const told = show(state.is === 'vacant' ? 'vacant' : state)
      const since = show(states[before])
      const newest = show(states.at(-1))
      return `observer ${observer} of '${election}' at ${process} is told: ${told}, at ${at}; before: ${since}, newest: ${newest}`
    })
    this.#places.set(observer, place)
  }

  #of(election: string): State[] {
    let states = this.#states.get(election)
    if (states === undefined) this.#states.set(election, (states = ['vacant']))
    return states
  }
}

function isTold(one: State | undefined, told: Told): boolean {
  if (one === undefined || one === 'vacant') return one === told.is
  return (
    told.is === 'led' && one.token === told.token && one.id === told.id && same(one.metadata, told.metadata)
  )
}

function show(state: State | undefined): string {
  if (state === undefined) return 'nothing'
  return state === 'vacant'
    ? 'vacant'
    : `led by ${state.id} with ${state.token} ${JSON.stringify(state.metadata)}`
}
