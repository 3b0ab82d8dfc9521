/**
 * When peers of an engine without a log heard the sessions, and how old what they heard was, in true time. A keepalive
 * counts as sent when the first core was asked with it, or the first sent it on: no earlier than it left its holder.
 */
import type { EngineRequest, HistoryEvent } from '../../history.ts'
import { Model, shared } from './shared.ts'

interface Session {
  readonly sentAt: Map<string, number>
  /** By voter, when the newest keepalive that it heard was sent. */
  readonly heard: Map<string, number>
}

/** More than a hundred leases at any timing. */
const keptNumbers = 1_024

export class EngineHearing extends Model {
  readonly #sessions = new Map<string, Session>()

  /** When the newest keepalive that this voter heard was sent; undefined: it heard none. */
  heardFrom(session: string, voter: string): number | undefined {
    return this.#sessions.get(session)?.heard.get(voter)
  }

  protected override take(event: HistoryEvent): void {
    if (event.type === 'asks') this.#sent(keepaliveIn(event.request, ''), event.at)
    if (event.type !== 'asked') return
    const keepalive = keepaliveIn(event.request, event.from.session)
    const sentAt = this.#sent(keepalive, event.at)
    if (keepalive === null || sentAt === null) return
    const { heard } = this.#of(keepalive.session)
    heard.set(event.process, Math.max(sentAt, heard.get(event.process) ?? sentAt))
  }

  #sent(keepalive: Keepalive | null, at: number): number | null {
    if (keepalive === null) return null
    const { sentAt } = this.#of(keepalive.session)
    const known = sentAt.get(keepalive.number)
    if (known !== undefined) return known
    sentAt.set(keepalive.number, at)
    if (sentAt.size > keptNumbers) for (const oldest of sentAt.keys()) return (sentAt.delete(oldest), at)
    return at
  }

  #of(session: string): Session {
    let known = this.#sessions.get(session)
    if (known === undefined) this.#sessions.set(session, (known = { sentAt: new Map(), heard: new Map() }))
    return known
  }
}

interface Keepalive {
  readonly session: string
  readonly number: string
}

/** Of `session`, unless it names its session itself. */
function keepaliveIn(request: EngineRequest, session: string): Keepalive | null {
  switch (request.type) {
    case 'keepalive':
      return { session, number: `${'epoch' in request ? request.epoch : 1} ${request.sequence}` }
    case 'propose':
      return { session, number: `1 ${request.sequence}` }
    case 'peer': {
      const { message } = request
      if (message.type !== 'keepalive') return null
      return { session: message.session, number: `${message.epoch} ${message.sequence}` }
    }
    default:
      return null
  }
}

export const engineHearingOf = shared(() => new EngineHearing())
