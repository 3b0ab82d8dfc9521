import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { engineEvents, engineGrantsOf, type EngineGrants } from './models/engine-grants.ts'

export const observersGoForward: Invariant = {
  name: 'observers-go-forward',
  claim:
    'Where there is no log an observer is told of nobody who did not stand with that token, and of no smaller token later (S14).',
  types: [...engineEvents, 'observed'],
  check: (context) => new ObserversGoForward(context),
}

class ObserversGoForward implements Checker {
  evaluations = 0
  readonly #grants: EngineGrants
  /** By observer, the greatest token that it was told. */
  readonly #newest = new Map<number, bigint>()

  constructor(context: CheckContext) {
    this.#grants = engineGrantsOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#grants.observe(event)
    if (event.type !== 'observed' || event.state.is !== 'led') return
    this.evaluations += 1
    const { observer, process, election, at } = event
    const { id, token } = event.state
    const about = `observer ${observer} of '${election}' at ${process} is told at ${at}: led by ${id} with ${token}`
    const newest = this.#newest.get(observer)
    ensure(newest === undefined || token >= newest, () => `${about}, after ${newest}`)
    this.#newest.set(observer, token)
    const asked = this.#grants.of(election, token)
    ensure(
      asked.some((grant) => grant.id === id && grant.by.size > 0),
      () => `${about}; that was given to ${asked.map((grant) => grant.session).join(', ') || 'nobody'}`,
    )
  }
}
