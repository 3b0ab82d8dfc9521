/**
 * Everybody whom a peer serves: holders and readers in its own process, and clients. Whatever they ask goes to the
 * sponsor, the observers or the reads; whatever the log decides comes back to them from there.
 */
import type { MandateError } from '../errors.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import { electionState, type Registry } from '../registry/registry.ts'
import type { RegistryEvent } from '../registry/types.ts'
import type { ClientId } from '../seams/transport.ts'
import type { ErrorReply, HolderMessage, PeerStatus, SponsorMessage } from './messages.ts'
import { Observers } from './observers.ts'
import { OperatorDesk, type DeskMessage } from './operator-desk.ts'
import type { PeerOptions, PeerTransport } from './peer-options.ts'
import { Reads } from './reads.ts'
import { Sponsor, type Link, type SponsorDuties } from './sponsor.ts'
import type { Turns } from './turns.ts'
import type { VoterReply } from './voter-runner.ts'

/** A holder or reader in this process. */
export interface LocalHolder {
  /** Called between turns, never inside `send`. */
  received(message: SponsorMessage): void
  /** At most once: this peer stopped by itself, and nothing is received any more. */
  gone?(error: MandateError): void
  /** Between turns, about once a heartbeat: what is sent now shares turn and frames with what the peer sends anyway. */
  beat?(): void
}

/** A local holder's end of its link to this peer. */
export interface LocalLink {
  readonly host: { readonly peer: PeerId; readonly incarnation: number }
  send(message: HolderMessage): void
  close(): void
}

export interface ReceptionDuties extends Omit<SponsorDuties, 'read'> {
  /** Feeds Raft on this peer. */
  readLocally(id: number): void
  /** Whom this peer follows now. */
  leader(): PeerId | null
  /** `quorum`: confirmed for this very answer. */
  status(quorum: boolean, election: string | null): PeerStatus
}

export class Reception {
  readonly #options: PeerOptions
  readonly #incarnation: number
  readonly #transport: PeerTransport
  readonly #turns: Turns
  readonly #duties: ReceptionDuties
  readonly #sponsor: Sponsor
  readonly #observers: Observers
  readonly #reads: Reads
  readonly #desk: OperatorDesk<Link>
  readonly #clients = new Map<ClientId, Link>()
  readonly #holders = new Map<Link, LocalHolder>()

  constructor(
    options: PeerOptions,
    parts: {
      readonly registry: Registry
      readonly voters: readonly PeerId[]
      readonly incarnation: number
      readonly transport: PeerTransport
      readonly turns: Turns
    },
    duties: ReceptionDuties,
  ) {
    const { registry, voters, incarnation, transport, turns } = parts
    this.#options = options
    this.#incarnation = incarnation
    this.#transport = transport
    this.#turns = turns
    this.#duties = duties
    this.#reads = new Reads(options.self, incarnation, {
      readLocally: (id) => duties.readLocally(id),
      askLeader: (leader, id) => transport.send(leader, { kind: 'read-index', id }, 'urgent'),
    })
    const read = (done: (ok: boolean) => void): void =>
      this.#read(2 * options.timing.electionTimeoutMs[1], done)
    this.#sponsor = new Sponsor(registry, options.cluster, voters, { ...duties, read })
    this.#observers = new Observers(registry, read)
    this.#desk = new OperatorDesk(
      options.self,
      { peers: voters, incarnation },
      {
        send: (to, message) => transport.send(to, message, 'urgent'),
        holders: ({ election, token }) => {
          const holder = electionState(registry, election)?.holder
          const link = holder?.token === token ? this.#sponsor.linkOf(holder.session) : undefined
          return link === undefined ? [] : [link]
        },
        toLink: (link, message) => link.send(message),
      },
    )
  }

  // ---- who comes and goes ---------------------------------------------------------------------------------------

  attach(holder: LocalHolder): LocalLink {
    let open = true
    const link: Link = {
      send: (message) =>
        this.#turns.deliver(() => {
          if (open) holder.received(message)
        }),
    }
    this.#holders.set(link, holder)
    return {
      host: { peer: this.#options.self, incarnation: this.#incarnation },
      send: (message) => {
        if (open) this.#turns.enqueue(() => this.#received(link, message))
      },
      close: () => {
        open = false
        this.#holders.delete(link)
        this.#turns.enqueue(() => this.#detached(link))
      },
    }
  }

  /** A client lives in no peer's process, and turning campaigns away is the leader's business. */
  fromClient(client: ClientId, message: HolderMessage): void {
    const link = this.#clientLink(client)
    if (message.type === 'open') {
      this.#received(link, { ...message, request: { ...message.request, host: null } })
    } else if (message.type === 'batch' && message.requests.some(({ type }) => type === 'turn-away')) {
      const reason = 'a client sent a turn-away request'
      const error: ErrorReply = { code: 'PROTOCOL_ERROR', message: reason, details: { reason } }
      link.send({ type: 'error', id: null, error })
    } else this.#received(link, message)
  }

  clientGone(client: ClientId): void {
    const link = this.#clients.get(client)
    if (link === undefined) return
    this.#clients.delete(client)
    this.#detached(link)
  }

  /** This peer stopped by itself: the holders in its process have to hear it, because nothing else will. */
  stopped(error: MandateError): void {
    for (const [link, holder] of [...this.#holders]) if (this.#holders.delete(link)) holder.gone?.(error)
  }

  // ---- what the log and the other peers say ---------------------------------------------------------------------

  applied(event: RegistryEvent): void {
    this.#sponsor.applied(event)
    this.#observers.applied(event)
  }

  appliedUpTo(index: number): void {
    this.#reads.applied(index)
  }

  /** An acknowledgement or refusal of a voter. */
  support(reply: Exclude<VoterReply, { type: 'withdraw-answer' }>): void {
    this.#sponsor.support(reply)
  }

  /** An operator's request, or its answer, by way of another peer. */
  operator(from: PeerId, message: DeskMessage): void {
    this.#desk.fromPeer(from, message)
  }

  turnedAway(session: string, error: ErrorReply): void {
    this.#sponsor.turnedAway(session, error)
  }

  /** Raft, here or at the leader, confirmed a read, or refused it (`index` null). */
  readAnswered(id: number, index: number | null): void {
    this.#reads.answered(id, index)
  }

  /** Another peer asks this one, which may lead. */
  readFor(answer: (index: number | null) => void): void {
    this.#reads.requestFor(answer)
  }

  /** A link to a peer is up again: what was proposed over the last one may be lost. */
  peerUp(): void {
    this.#sponsor.retry()
  }

  leaderKnown(leader: PeerId): void {
    this.#sponsor.retry()
    this.#reads.retry(leader, this.#options.clock.lower())
    this.#observers.regainedContact()
  }

  /** The Raft leader's heartbeat was sent or heard, or would have been due. */
  beatHolders(): void {
    if (this.#holders.size === 0) return
    this.#turns.deliver(() => {
      for (const [link, holder] of [...this.#holders]) if (this.#holders.has(link)) holder.beat?.()
    })
  }

  /** Once a heartbeat: repeats what may have been lost. `lostMs`: since when this peer is out of touch with the leader; 0 = it is not. */
  beat(lostMs: number): void {
    if (this.#sponsor.waiting) this.#sponsor.retry()
    if (this.#reads.waiting) this.#reads.retry(this.#duties.leader(), this.#options.clock.lower())
    if (lostMs === 0) this.#observers.regainedContact()
    else if (lostMs > 1.5 * this.#options.timing.electionTimeoutMs[1]) {
      this.#observers.lostContact('no quorum of peers is reachable')
    }
  }

  // ---- requests -------------------------------------------------------------------------------------------------

  #received(link: Link, message: HolderMessage): void {
    switch (message.type) {
      case 'observe':
        this.#observers.observe(link, message.id, message.election)
        return
      case 'unobserve':
        this.#observers.unobserve(link, message.id)
        return
      case 'status':
        this.#read(this.#options.timing.electionTimeoutMs[1], (quorum) =>
          link.send({
            type: 'status',
            id: message.id,
            status: this.#duties.status(quorum, message.election),
          }),
        )
        return
      case 'open':
      case 'keepalive':
      case 'reopen':
      case 'batch':
      case 'close':
        this.#sponsor.received(link, message)
        return
      case 'operator-asks':
      case 'holder-answers':
        this.#desk.fromLink(link, message)
        return
      default:
        message satisfies never
    }
  }

  #read(patienceMs: number, done: (ok: boolean) => void): void {
    this.#reads.request(this.#duties.leader(), this.#options.clock.lower() + patienceMs, done)
  }

  #clientLink(client: ClientId): Link {
    let link = this.#clients.get(client)
    if (link === undefined) {
      link = { send: (message) => this.#transport.sendToClient(client, message) }
      this.#clients.set(client, link)
    }
    return link
  }

  #detached(link: Link): void {
    this.#sponsor.detached(link)
    this.#observers.detached(link)
    this.#desk.detached(link)
  }
}
