/** Frees what a session of a dead process holds: each key by a release, for which there is no lock delay, then the session. */
import { MandateError } from '../../errors.ts'
import type { Cancellable, SessionTicket } from '../backend.ts'
import type { ConsulApi, KvOperation } from './api.ts'

export interface TicketContents {
  readonly session: string
  readonly check: string | undefined
  readonly keys: readonly string[]
}

const REQUEST_MS = 5000

export function encodeTicket({ session, check, keys }: TicketContents): SessionTicket {
  return { session: JSON.stringify({ session, check: check ?? null, keys }) }
}

export async function releaseTicket(
  api: ConsulApi,
  ticket: SessionTicket,
  { signal }: Cancellable,
): Promise<'released' | 'gone'> {
  const { session, check, keys } = decodeTicket(ticket)
  const call = { timeoutMs: REQUEST_MS, signal }
  const info = await api.sessionInfo(session, call)
  if (info !== undefined) {
    for (const key of keys) {
      const [entry] = (await api.getKey(key, call)).entries
      if (entry?.session !== session) continue
      // Exactly what is there: the flags and the value of a release replace those of the key.
      const release: KvOperation = {
        Verb: 'unlock',
        Key: key,
        Value: entry.value64,
        Session: session,
        Flags: entry.flags,
      }
      await api.transact([{ Verb: 'check-index', Key: key, Index: entry.modifyIndex }, release], call)
    }
    await api.destroySession(session, call)
  }
  if (check !== undefined) await api.deregisterCheck(check, call)
  return info === undefined ? 'gone' : 'released'
}

function decodeTicket(ticket: SessionTicket): TicketContents {
  try {
    const { session, check, keys } = JSON.parse(ticket.session) as Record<string, unknown>
    if (typeof session === 'string' && /^[0-9a-f-]{36}$/.test(session) && Array.isArray(keys)) {
      return {
        session,
        check: typeof check === 'string' ? check : undefined,
        keys: keys.filter((key) => typeof key === 'string'),
      }
    }
  } catch {
    // Said below.
  }
  throw new MandateError('INVALID_OPTIONS', 'the ticket is none of a Consul session', {
    option: 'ticket',
    value: ticket.session,
  })
}
