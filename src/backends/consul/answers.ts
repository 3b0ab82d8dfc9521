/** What Consul answers, read with every digit, and its refusals as data. */
import { MandateError } from '../../errors.ts'
import { bigintOf, parseExact } from '../../fencing/consul/exact-json.ts'
import { durationMs } from './duration-text.ts'

export interface KvEntry {
  readonly key: string
  readonly flags: bigint
  /** As stored, base64; empty for no value. */
  readonly value64: string
  /** The session that holds the key. */
  readonly session: string | undefined
  readonly modifyIndex: bigint
}

export interface KvAnswer {
  readonly entries: readonly KvEntry[]
  /** X-Consul-Index: the state of the store that this shows. */
  readonly index: bigint
}

export interface SessionInfo {
  readonly id: string
  readonly name: string
  /** The agent that it lives on. */
  readonly peer: string
  readonly ttlMs: number | undefined
  readonly createIndex: bigint
  readonly hasChecks: boolean
}

export type TxnResult =
  /** ModifyIndex of the entry that the last operation wrote. */
  | { readonly is: 'applied'; readonly index: bigint }
  | { readonly is: 'refused'; readonly why: TxnRefusal; readonly what: string }

export type TxnRefusal =
  /** The key is not as the transaction supposed. */
  'changed' | 'held' | 'lock-delay' | 'no-session'

export function refusalOf(what: string): TxnRefusal {
  if (/lock delay/i.test(what)) return 'lock-delay'
  if (/already held/i.test(what)) return 'held'
  if (/invalid session/i.test(what)) return 'no-session'
  return 'changed'
}

export function entriesOf(text: string): readonly KvEntry[] {
  const list = parseExact(text)
  if (!Array.isArray(list)) throw malformed('the answer to a read is no list')
  return list.map((each: unknown) => {
    const { Key, Flags, Value, Session, ModifyIndex } = each as Record<string, unknown>
    const flags = bigintOf(Flags)
    const modifyIndex = bigintOf(ModifyIndex)
    if (typeof Key !== 'string' || flags === undefined || modifyIndex === undefined)
      throw malformed('an entry has no Key, Flags or ModifyIndex')
    return {
      key: Key,
      flags,
      value64: typeof Value === 'string' ? Value : '',
      session: typeof Session === 'string' && Session !== '' ? Session : undefined,
      modifyIndex,
    }
  })
}

export function sessionsOf(text: string): readonly SessionInfo[] {
  const list = parseExact(text)
  if (list === null) return []
  if (!Array.isArray(list)) throw malformed('the answer about sessions is no list')
  return list.map((each: unknown) => {
    const {
      ID,
      Name,
      Node: peer,
      TTL,
      CreateIndex,
      ServiceChecks,
      NodeChecks,
    } = each as Record<string, unknown>
    const createIndex = bigintOf(CreateIndex)
    if (typeof ID !== 'string' || createIndex === undefined)
      throw malformed('a session has no ID or CreateIndex')
    return {
      id: ID,
      name: typeof Name === 'string' ? Name : '',
      peer: typeof peer === 'string' ? peer : '',
      ttlMs: durationMs(TTL),
      createIndex,
      hasChecks: [ServiceChecks, NodeChecks].some((checks) => Array.isArray(checks) && checks.length > 0),
    }
  })
}

export function lastIndexOf(text: string): bigint {
  const { Results } = parseExact(text) as {
    readonly Results?: readonly { readonly KV?: { readonly ModifyIndex?: unknown } }[] | null
  }
  const index = bigintOf(Results?.at(-1)?.KV?.ModifyIndex)
  if (index === undefined) throw malformed('the answer to a transaction has no ModifyIndex')
  return index
}

export function malformed(reason: string): MandateError<'PROTOCOL_ERROR'> {
  return new MandateError('PROTOCOL_ERROR', `Consul's answer cannot be used: ${reason}`, { reason })
}
