/**
 * Writes into Consul's own store that count only while the token is that of the leader: one transaction checks the key of
 * the election and writes. Trusts no clock.
 */
import { MandateError } from '../errors.ts'
import { bigintOf, parseExact, stringifyExact } from './consul/exact-json.ts'
import { keyOf, keyPath } from './consul/layout.ts'
import type { ConsulLayout } from './consul/layout.ts'
import { decodeLockValue } from './consul/lock-value.ts'
import { checkFence, foreignScope, isServerUrl, staleToken } from './guard.ts'
import type { Fence } from './guard.ts'

export interface ConsulGuardOptions {
  /** @default 'http://127.0.0.1:8500' */
  readonly url?: string | undefined
  /** As in the options of the backend. @default '' */
  readonly prefix?: string | undefined
  /** @default 'lock' */
  readonly layout?: ConsulLayout | undefined
  /** @default 0n */
  readonly tokenBase?: bigint | undefined
  /** As the backend's. @default the agent's own */
  readonly datacenter?: string | undefined
  /** As the backend's; Enterprise only. */
  readonly namespace?: string | undefined
  /** @default 'consul:' and the datacentre */
  readonly scope?: string | undefined
  /** ACL token. @default the variable CONSUL_HTTP_TOKEN */
  readonly token?: string | undefined
  /** For one with certificates. @default the global one */
  readonly fetch?: typeof fetch | undefined
}

export type ConsulWrite =
  | { readonly verb: 'set'; readonly key: string; readonly value: string }
  /** Only if the entry's ModifyIndex is `index`; 0n: only if there is none. */
  | { readonly verb: 'cas'; readonly key: string; readonly value: string; readonly index: bigint }
  | { readonly verb: 'delete' | 'delete-tree'; readonly key: string }

export type ConsulWriteResult =
  | { readonly is: 'written' }
  /** By Consul, for another reason than the token, such as a `cas` that found another index. */
  | { readonly is: 'refused'; readonly reasons: readonly string[] }

export interface ConsulGuard {
  /**
   * All of it or nothing. At most 62 writes. After an error other than LEADERSHIP_LOST it may have been written.
   * @throws LEADERSHIP_LOST, CLUSTER_MISMATCH, INVALID_OPTIONS, BACKEND_UNAVAILABLE, FORBIDDEN
   */
  write(
    fence: Fence,
    writes: readonly ConsulWrite[],
    o?: { readonly signal?: AbortSignal },
  ): Promise<ConsulWriteResult>
}

/** Of the 64 operations of a transaction, two are the check. */
const WRITES_MAX = 62

/** A leader that proclaims moves the entry; nobody proclaims so often that this many reads are all overtaken. */
const TRIES = 10
const REQUEST_MS = 10_000

/** @throws INVALID_OPTIONS */
export function consulGuard(options: ConsulGuardOptions = {}): ConsulGuard {
  const { url = 'http://127.0.0.1:8500', prefix = '', layout = 'lock', tokenBase = 0n } = options
  if (!isServerUrl(url)) {
    const expected = 'expected one such as http://127.0.0.1:8500, without a path or a password'
    throw new MandateError('INVALID_OPTIONS', `url: ${expected}`, { option: 'url', expected })
  }
  const ask = asker(url, options)
  let scope: Promise<string> | undefined
  const ownScope = (): Promise<string> => {
    const { datacenter } = options
    const known = options.scope ?? (datacenter === undefined ? undefined : `consul:${datacenter}`)
    scope ??= known === undefined ? datacentreScope(ask) : Promise.resolve(known)
    scope.catch(() => (scope = undefined))
    return scope
  }
  return {
    async write(given, writes, { signal } = {}) {
      const fence = checkFence(given)
      if (writes.length > WRITES_MAX)
        throw new MandateError(
          'LIMIT_EXCEEDED',
          `${writes.length} writes; a transaction of Consul takes ${WRITES_MAX}`,
          {
            limit: 'writes',
            value: writes.length,
            max: WRITES_MAX,
          },
        )
      const expected = await ownScope()
      if (fence.scope !== expected) throw foreignScope(fence, expected)
      const key = keyOf(fence.election, { prefix, layout })
      for (let tries = 0; tries < TRIES; tries++) {
        const holder = await holderOf(ask, key, signal)
        if (holder === undefined) throw staleToken(fence)
        const newest = holder.index + tokenBase
        if (newest !== fence.token) throw staleToken(fence, newest)
        const check = [
          { KV: { Verb: 'check-session', Key: key, Session: holder.session } },
          { KV: { Verb: 'check-index', Key: key, Index: holder.modifyIndex } },
        ]
        const result = await transact(ask, [...check, ...writes.map(operation)], signal)
        if (result === undefined) return { is: 'written' }
        const own = result.filter(({ at }) => at >= check.length)
        // The check failed: the leader proclaimed, or is one no more; the next reading tells.
        if (own.length === result.length) return { is: 'refused', reasons: own.map(({ what }) => what) }
      }
      throw staleToken(fence)
    },
  }
}

type Ask = (
  method: 'GET' | 'PUT',
  path: string,
  o: { body?: string; signal?: AbortSignal | undefined },
) => Promise<{
  readonly status: number
  readonly text: string
}>

function asker(url: string, options: ConsulGuardOptions): Ask {
  const send = options.fetch ?? fetch
  const token = options.token ?? process.env['CONSUL_HTTP_TOKEN']
  const place = Object.entries({ dc: options.datacenter, ns: options.namespace })
  const query = place.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return async (method, path, { body, signal }) => {
    const limit = AbortSignal.timeout(REQUEST_MS)
    const whole = path === '/v1/agent/self' ? [] : query
    const parameters = path.startsWith('/v1/kv/') ? ['consistent=', ...whole] : whole
    try {
      const answer = await send(`${url}${path}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`, {
        method,
        ...(body === undefined ? {} : { body }),
        ...(token === undefined || token === '' ? {} : { headers: { 'X-Consul-Token': token } }),
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      })
      const text = await answer.text()
      if (answer.status === 403) throw forbidden(path, text)
      if (answer.status >= 500 || answer.status === 429)
        throw new Error(`HTTP ${answer.status}: ${text.trim()}`)
      return { status: answer.status, text }
    } catch (error) {
      if (error instanceof MandateError || signal?.aborted === true) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new MandateError(
        'BACKEND_UNAVAILABLE',
        `Consul at ${url} does not answer: ${reason}`,
        { tried: [{ target: url, reason }] },
        { cause: error },
      )
    }
  }
}

async function datacentreScope(ask: Ask): Promise<string> {
  const { text } = await ask('GET', '/v1/agent/self', {})
  const self = parseExact(text) as { readonly Config?: { readonly Datacenter?: unknown } }
  const name = self.Config?.Datacenter
  if (typeof name === 'string') return `consul:${name}`
  throw new MandateError('PROTOCOL_ERROR', 'the agent told no datacentre; give the scope', {
    reason: 'no Datacenter',
  })
}

interface Holder {
  readonly session: string
  readonly modifyIndex: bigint
  /** ModifyIndex of the acquisition. */
  readonly index: bigint
}

/** Undefined: nobody leads. */
async function holderOf(ask: Ask, key: string, signal: AbortSignal | undefined): Promise<Holder | undefined> {
  const { status, text } = await ask('GET', `/v1/kv/${keyPath(key)}`, { signal })
  if (status === 404) return undefined
  const [entry] = parseExact(text) as readonly Record<string, unknown>[]
  const session = entry?.['Session']
  const modifyIndex = bigintOf(entry?.['ModifyIndex'])
  if (typeof session !== 'string' || session === '' || modifyIndex === undefined) return undefined
  const value64 = entry?.['Value']
  const value =
    typeof value64 === 'string' ? decodeLockValue(Buffer.from(value64, 'base64').toString('utf8')) : undefined
  const index = value?.session === session ? (value.index ?? modifyIndex) : modifyIndex
  return { session, modifyIndex, index }
}

function operation(write: ConsulWrite): object {
  switch (write.verb) {
    case 'set':
      return { KV: { Verb: 'set', Key: write.key, Value: base64(write.value) } }
    case 'cas':
      return { KV: { Verb: 'cas', Key: write.key, Value: base64(write.value), Index: write.index } }
    case 'delete':
    case 'delete-tree':
      return { KV: { Verb: write.verb, Key: write.key } }
    default:
      return write satisfies never
  }
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

/** Undefined: applied. Else what was refused, by its place in the list. */
async function transact(ask: Ask, operations: readonly object[], signal: AbortSignal | undefined) {
  const { status, text } = await ask('PUT', '/v1/txn', { body: stringifyExact(operations), signal })
  if (status === 200) return undefined
  if (status !== 409)
    throw new MandateError('INVALID_OPTIONS', `Consul refuses the writes: ${text.trim()}`, {
      option: 'writes',
    })
  const { Errors } = parseExact(text) as {
    readonly Errors?: readonly { readonly OpIndex?: number; readonly What?: unknown }[] | null
  }
  return (Errors ?? []).map(({ OpIndex = 0, What }) => ({ at: OpIndex, what: String(What) }))
}

function forbidden(path: string, text: string): MandateError<'FORBIDDEN'> {
  const reason = `Consul denies ${path}: ${text.trim()}`
  return new MandateError('FORBIDDEN', reason, { reason })
}
