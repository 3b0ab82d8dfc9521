/**
 * When voters heard sessions, and how old what they heard was, in true time. A sponsor relays a keepalive at once to all
 * voters, to the one in its own process without a message; so it is counted as heard there when the first one leaves. The
 * others may leave long after that, if the process stands still in between.
 */
import type { HistoryEvent } from '../../history.ts'
import { Model, shared } from './shared.ts'

interface Session {
  /** By number, when the keepalive left its first sponsor: no earlier than it left the holder. */
  readonly sentAt: Map<number, number>
  readonly voters: Map<string, Heard>
  relay: Relay | null
}

/** One keepalive on its way from one sponsor to each voter. */
interface Relay {
  readonly sponsor: string
  readonly sequence: number
  readonly to: Set<string>
}

interface Heard {
  at: number
  /** When the newest keepalive that it heard was sent. */
  sentAt: number
}

/** More than a hundred leases at any timing. */
const keptNumbers = 1_024

export class Hearing extends Model {
  readonly #sessions = new Map<string, Session>()

  /** When this voter heard the session last; undefined: never. */
  heardAt(session: string, voter: string): number | undefined {
    return this.#sessions.get(session)?.voters.get(voter)?.at
  }

  /** When the newest keepalive that this voter heard was sent. */
  heardFrom(session: string, voter: string): number | undefined {
    return this.#sessions.get(session)?.voters.get(voter)?.sentAt
  }

  protected override take(event: HistoryEvent): void {
    if (event.type !== 'sent' && event.type !== 'received') return
    if (event.message.kind !== 'support' || event.message.message.type !== 'keepalive') return
    const { session: key, sequence } = event.message.message
    let session = this.#sessions.get(key)
    if (session === undefined) {
      session = { sentAt: new Map(), voters: new Map(), relay: null }
      this.#sessions.set(key, session)
    }
    let sentAt = session.sentAt.get(sequence)
    if (sentAt === undefined) {
      sentAt = event.at
      session.sentAt.set(sequence, sentAt)
      if (session.sentAt.size > keptNumbers) forgetOldest(session.sentAt)
    }
    if (event.type === 'sent' && isRelayedOn(session, event.process, sequence, event.to)) return
    const heard = session.voters.get(event.process)
    if (heard === undefined) session.voters.set(event.process, { at: event.at, sentAt })
    else {
      heard.at = event.at
      heard.sentAt = Math.max(heard.sentAt, sentAt)
    }
  }
}

/** False: it begins to relay, for the first time or once more. */
function isRelayedOn(session: Session, sponsor: string, sequence: number, to: string): boolean {
  const { relay } = session
  if (relay?.sponsor === sponsor && relay.sequence === sequence && !relay.to.has(to)) {
    relay.to.add(to)
    return true
  }
  session.relay = { sponsor, sequence, to: new Set([to]) }
  return false
}

function forgetOldest(numbers: Map<number, unknown>): void {
  for (const oldest of numbers.keys()) {
    numbers.delete(oldest)
    return
  }
}

/** Show it these events, of these messages at least. */
export const hearingEvents = ['sent', 'received'] as const
export const hearingMessages = ['keepalive'] as const

export const hearingOf = shared(() => new Hearing())
