/** Who follows which election through this peer, and what each was told last. */
import { electionState, type Registry } from '../registry/registry.ts'
import type { RegistryEvent } from '../registry/types.ts'
import type { ObservedState } from './messages.ts'
import type { Link } from './sponsor.ts'

interface Observer {
  readonly link: Link
  readonly id: number
  readonly election: string
  /** `stale`: its present state has to be read before the next change may be told. */
  state: 'stale' | 'following' | 'lost'
  /** It was told so last: each further read that fails is no news. */
  toldUnknown: boolean
}

export class Observers {
  readonly #registry: Registry
  /** Done once the registry is at least as new as every commit before the call. */
  readonly #read: (done: (ok: boolean) => void) => void
  readonly #observers = new Map<Link, Map<number, Observer>>()
  readonly #byElection = new Map<string, Set<Observer>>()

  constructor(registry: Registry, read: (done: (ok: boolean) => void) => void) {
    this.#registry = registry
    this.#read = read
  }

  observe(link: Link, id: number, election: string): void {
    const observer: Observer = { link, id, election, state: 'stale', toldUnknown: false }
    const ofLink = this.#observers.get(link) ?? new Map<number, Observer>()
    this.#observers.set(link, ofLink.set(id, observer))
    const ofElection = this.#byElection.get(election) ?? new Set<Observer>()
    this.#byElection.set(election, ofElection.add(observer))
    this.#refresh(observer)
  }

  unobserve(link: Link, id: number): void {
    const observer = this.#observers.get(link)?.get(id)
    if (observer !== undefined) this.#forget(observer)
  }

  detached(link: Link): void {
    for (const observer of [...(this.#observers.get(link)?.values() ?? [])]) this.#forget(observer)
  }

  applied(event: RegistryEvent): void {
    if (event.type !== 'granted' && event.type !== 'freed' && event.type !== 'proclaimed') return
    for (const observer of this.#byElection.get(event.election) ?? []) {
      if (observer.state === 'following') this.#tell(observer)
    }
  }

  /** No leader is known, for longer than an election takes: what was told may be old. */
  lostContact(reason: string): void {
    for (const observer of this.#all()) this.#lose(observer, reason)
  }

  /**
   * A leader is known: everybody who was told that nothing is known gets the present state. Asked again and again: the
   * leader may be the one that could not be reached before.
   */
  regainedContact(): void {
    for (const observer of this.#all()) if (observer.state === 'lost') this.#refresh(observer)
  }

  #refresh(observer: Observer): void {
    observer.state = 'stale'
    this.#read((ok) => {
      if (observer.state !== 'stale' || !this.#follows(observer)) return
      if (ok) {
        observer.state = 'following'
        this.#tell(observer)
        return
      }
      this.#lose(observer, 'no quorum of peers answered')
    })
  }

  #lose(observer: Observer, reason: string): void {
    observer.state = 'lost'
    if (observer.toldUnknown) return
    observer.toldUnknown = true
    observer.link.send({ type: 'observed', id: observer.id, state: { is: 'unknown', reason } })
  }

  #tell(observer: Observer): void {
    observer.toldUnknown = false
    observer.link.send({
      type: 'observed',
      id: observer.id,
      state: stateOf(this.#registry, observer.election),
    })
  }

  #follows(observer: Observer): boolean {
    return this.#observers.get(observer.link)?.get(observer.id) === observer
  }

  #forget(observer: Observer): void {
    const ofLink = this.#observers.get(observer.link)
    ofLink?.delete(observer.id)
    if (ofLink?.size === 0) this.#observers.delete(observer.link)
    const ofElection = this.#byElection.get(observer.election)
    ofElection?.delete(observer)
    if (ofElection?.size === 0) this.#byElection.delete(observer.election)
  }

  *#all(): Iterable<Observer> {
    for (const ofLink of [...this.#observers.values()]) yield* [...ofLink.values()]
  }
}

function stateOf(registry: Registry, election: string): ObservedState {
  const holder = electionState(registry, election)?.holder
  if (holder === undefined || holder === null) return { is: 'vacant' }
  return { is: 'led', id: holder.id, token: holder.token, metadata: holder.metadata }
}
