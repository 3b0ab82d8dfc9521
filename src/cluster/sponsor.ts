/**
 * What a peer does for the sessions attached to it, its own process's and its clients': carries their commands to the
 * Raft leader, again and again until the log answers, relays their keepalives to every voter (DESIGN §4.1 A7), and
 * tells them what the applied log decided. It holds no truth of its own: a session that loses its sponsor attaches
 * to another and is told its whole state.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Keepalive, SessionKey, SupportMessage } from '../protocols/support/types.ts'
import { aheadOf, sessionState, type Registry } from '../registry/registry.ts'
import type { RegistryEvent } from '../registry/types.ts'
import type { ErrorReply, HolderMessage, Proposal, SponsorMessage } from './messages.ts'

/** One attached holder or reader: the local process or one client connection. */
export interface Link {
  send(message: SponsorMessage): void
}

export interface SponsorDuties {
  propose(proposal: Proposal): void
  /** To every voter, this peer included. */
  keepalive(keepalive: Keepalive): void
  /** Done once this peer's state is at least as new as every commit before the call. */
  read(done: (ok: boolean) => void): void
}

interface Attached {
  link: Link
  /**
   * The holder knows everything this peer applied. False while this peer may lag behind what the holder was told by
   * another sponsor: news from the past would take back what it holds.
   */
  synced: boolean
  /** Not answered by the log yet; proposed again at each retry. */
  readonly pending: Map<Proposal['type'], Proposal>
}

export class Sponsor {
  readonly #registry: Registry
  readonly #duties: SponsorDuties
  readonly #scope: string
  readonly #voters: readonly PeerId[]
  readonly #attached = new Map<SessionKey, Attached>()
  /** Who else wants a session closed, and is told when it is: that takes the session from nobody who is attached. */
  readonly #closers = new Map<SessionKey, Set<Link>>()

  constructor(registry: Registry, scope: string, voters: readonly PeerId[], duties: SponsorDuties) {
    this.#registry = registry
    this.#scope = scope
    this.#voters = voters
    this.#duties = duties
  }

  received(link: Link, message: Extract<HolderMessage, { session: SessionKey } | { type: 'open' }>): void {
    switch (message.type) {
      case 'open':
        this.#open(link, message)
        return
      case 'keepalive':
        // It attaches nothing: an `open` came before, and a keepalive may cross the end of its session.
        this.#duties.keepalive(message)
        return
      case 'batch': {
        const session = this.#registry.sessions.get(message.session)
        if (session !== undefined && session.number >= message.number) {
          if (session.number === message.number) {
            link.send({
              type: 'results',
              session: message.session,
              number: message.number,
              results: session.results,
            })
          }
          return
        }
        this.#propose(link, message.session, message)
        return
      }
      case 'reopen':
        this.#propose(link, message.session, message)
        return
      case 'close':
        this.#close(link, message.session)
        return
      default:
        message satisfies never
    }
  }

  /** Through which link a session speaks that is attached here. */
  linkOf(session: SessionKey): Link | undefined {
    return this.#attached.get(session)?.link
  }

  /** The link is gone; its sessions live on and may attach elsewhere. */
  detached(link: Link): void {
    for (const [key, attached] of this.#attached) if (attached.link === link) this.#attached.delete(key)
    for (const [key, closers] of this.#closers) {
      if (closers.delete(link) && closers.size === 0) this.#closers.delete(key)
    }
  }

  /** The Raft leader refused to open this session. Late, when another leader opened it meanwhile: then it is old news. */
  turnedAway(session: SessionKey, error: ErrorReply): void {
    if (this.#attached.get(session)?.pending.has('open') === true) this.#end(session, error)
  }

  /** An acknowledgement or refusal of a voter, for the holder it belongs to. */
  support(message: Extract<SupportMessage, { voter: PeerId }>): void {
    this.#attached.get(message.session)?.link.send({ type: 'support', message })
  }

  /** A new leader, or time has passed: what was proposed may be lost. The log ignores what it has already. */
  retry(): void {
    for (const attached of this.#attached.values()) {
      for (const proposal of attached.pending.values()) this.#duties.propose(proposal)
    }
    for (const session of this.#closers.keys()) this.#duties.propose({ type: 'close', session })
  }

  get waiting(): boolean {
    for (const attached of this.#attached.values()) if (attached.pending.size > 0) return true
    return this.#closers.size > 0
  }

  applied(event: RegistryEvent): void {
    switch (event.type) {
      case 'session-opened':
        this.#answered(event.session, 'open')
        this.#tellState(event.session)
        return
      case 'open-refused':
        this.#end(event.session, { code: event.code, message: event.message })
        return
      case 'session-reopened':
        this.#answered(event.session, 'reopen')
        this.#tell(event.session, { type: 'reopened', session: event.session, epoch: event.epoch })
        return
      case 'session-closed':
        this.#end(event.session, closedError(event.reason))
        return
      case 'batch-applied': {
        // An older number stands in the log twice; the newer batch may still be lost.
        const pending = this.#attached.get(event.session)?.pending.get('batch')
        if (pending?.type === 'batch' && pending.number <= event.number)
          this.#answered(event.session, 'batch')
        this.#tell(event.session, {
          type: 'results',
          session: event.session,
          number: event.number,
          results: event.results,
        })
        return
      }
      case 'granted':
        this.#tell(event.session, {
          type: 'granted',
          session: event.session,
          election: event.election,
          token: event.token,
        })
        return
      case 'freed':
        this.#tell(event.session, {
          type: 'freed',
          session: event.session,
          election: event.election,
          token: event.token,
          reason: event.reason,
        })
        return
      case 'queue-changed':
        this.#tellWaiting(event.election)
        return
      case 'session-superseded':
      case 'proclaimed':
        return
      default:
        event satisfies never
    }
  }

  #open(link: Link, message: Extract<HolderMessage, { type: 'open' }>): void {
    const { session } = message.request
    const attached = this.#attach(session, link)
    if (message.reattach) {
      attached.synced = false
      this.#sync(session, link)
      return
    }
    // Never told anything before, so nothing that this peer applies is old news.
    attached.synced = true
    if (this.#registry.sessions.has(session)) this.#tellState(session)
    else this.#propose(link, session, { type: 'open', request: message.request })
  }

  /** It was open once: tells its state, or that it is over, as of now and not as of where this peer may lag. */
  #sync(session: SessionKey, link: Link): void {
    this.#duties.read((ok) => {
      const attached = this.#attached.get(session)
      if (attached?.link !== link || attached.synced) return
      if (!ok) {
        this.#sync(session, link)
        return
      }
      attached.synced = true
      if (this.#registry.sessions.has(session)) this.#tellState(session)
      else this.#end(session, closedError('expired'))
    })
  }

  #close(link: Link, session: SessionKey): void {
    this.#closers.set(session, (this.#closers.get(session) ?? new Set<Link>()).add(link))
    if (this.#registry.sessions.has(session)) {
      this.#duties.propose({ type: 'close', session })
      return
    }
    this.#duties.read((ok) => {
      if (this.#closers.get(session)?.has(link) !== true) return
      if (!ok) this.#close(link, session)
      else if (this.#registry.sessions.has(session)) this.#duties.propose({ type: 'close', session })
      else this.#end(session, closedError('gone'))
    })
  }

  #propose(link: Link, session: SessionKey, proposal: Proposal): void {
    this.#attach(session, link).pending.set(proposal.type, proposal)
    this.#duties.propose(proposal)
  }

  #attach(session: SessionKey, link: Link): Attached {
    let attached = this.#attached.get(session)
    if (attached === undefined) {
      attached = { link, synced: false, pending: new Map() }
      this.#attached.set(session, attached)
    }
    if (attached.link !== link) {
      attached.link = link
      attached.synced = false
    }
    return attached
  }

  #answered(session: SessionKey, type: Proposal['type']): void {
    this.#attached.get(session)?.pending.delete(type)
  }

  #tell(session: SessionKey, message: SponsorMessage): void {
    const attached = this.#attached.get(session)
    if (attached?.synced === true) attached.link.send(message)
  }

  #tellState(session: SessionKey): void {
    const state = sessionState(this.#registry, session)
    if (state === null) return
    this.#tell(session, { type: 'opened', session, scope: this.#scope, voters: this.#voters, state })
  }

  #tellWaiting(election: string): void {
    for (const session of this.#registry.elections.get(election)?.queue.keys() ?? []) {
      if (!this.#attached.has(session)) continue
      const ahead = aheadOf(this.#registry, election, session)
      if (ahead !== null) this.#tell(session, { type: 'waiting', session, election, ahead })
    }
  }

  /** Told in any case: a session that ended never comes back. */
  #end(session: SessionKey, error: ErrorReply): void {
    const links = new Set(this.#closers.get(session))
    const attached = this.#attached.get(session)
    if (attached !== undefined) links.add(attached.link)
    this.#attached.delete(session)
    this.#closers.delete(session)
    for (const link of links) link.send({ type: 'session-ended', session, error })
  }
}

function closedError(reason: 'closed' | 'expired' | 'gone'): ErrorReply {
  switch (reason) {
    case 'closed':
      return { code: 'CLOSED', message: 'The session was closed.', details: { what: 'session' } }
    case 'expired':
      return {
        code: 'LEADERSHIP_LOST',
        message: 'The session was silent for its lease; a majority of the voters withdrew from it.',
      }
    case 'gone':
      return { code: 'CLOSED', message: 'There is no such session.', details: { what: 'unknown session' } }
  }
}
