/**
 * Writes into etcd that only the leader of an election there can make: one transaction compares the create revision of
 * the leader's key with the token, and writes. The key goes with its lease, so etcd itself judges, and no clock does.
 * Speaks to etcd's own JSON gateway, so that it needs no client.
 */
import { MandateError } from '../errors.ts'
import { checkFence, foreignScope, isServerUrl, staleToken, type Fence } from './guard.ts'

export interface EtcdGuardOptions {
  /** `http://host:2379` or `https://…`; tried in turn. */
  readonly endpoints: readonly string[]
  /** As the backend's. @default none */
  readonly prefix?: string | undefined
  /** As the backend's. @default 'go' */
  readonly layout?: 'go' | 'etcd3' | undefined
  /** As the backend's. @default 0n */
  readonly tokenBase?: bigint | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** For client certificates or a proxy. @default Node's own */
  readonly fetch?: typeof fetch | undefined
}

export type EtcdWrite =
  | { readonly put: string; readonly value: string | Uint8Array }
  | { readonly delete: string }

export interface EtcdGuard {
  /**
   * All writes, or none. When it rejects with BACKEND_UNAVAILABLE they may have been made, and may still be.
   * @throws LEADERSHIP_LOST, CLUSTER_MISMATCH, INVALID_OPTIONS, BACKEND_UNAVAILABLE, UNAUTHORIZED, FORBIDDEN
   */
  write(
    fence: Fence,
    writes: readonly EtcdWrite[],
    o?: { readonly signal?: AbortSignal },
  ): Promise<{ readonly revision: bigint }>
  /**
   * For a transaction of another client: it must hold that the create revision of `key` equals `createRevision`.
   * @throws as `write`
   */
  condition(fence: Fence, o?: { readonly signal?: AbortSignal }): Promise<EtcdCondition>
}

export interface EtcdCondition {
  readonly key: string
  readonly createRevision: bigint
}

const ATTEMPT_MS = 5000
/** Fences whose key is remembered: those of the elections that one process leads. */
const KNOWN_MAX = 1000

/** @throws INVALID_OPTIONS */
export function etcdGuard(options: EtcdGuardOptions): EtcdGuard {
  const gateway = new Gateway(options)
  const { prefix = '', layout = 'go', tokenBase = 0n } = options
  const root = prefix === '' ? '' : `${prefix}/`
  const known = new Map<string, EtcdCondition>()

  const condition: EtcdGuard['condition'] = async (given, o = {}) => {
    const fence = checkFence(given)
    const name = JSON.stringify([fence.election, fence.scope, fence.token.toString()])
    const found = known.get(name)
    if (found !== undefined) return found
    const createRevision = fence.token - tokenBase
    // From before the election moved here. Of a range 0 would mean any revision, and in a comparison that there is no key.
    if (createRevision <= 0n) throw staleToken(fence)
    const keys = `${root}${layout === 'etcd3' ? 'election/' : ''}${fence.election}/`
    const revision = createRevision.toString()
    const range = { min_create_revision: revision, max_create_revision: revision, keys_only: true }
    const reply = await gateway.post(
      '/v3/kv/range',
      { key: base64(keys), range_end: base64(endOf(keys)), ...range },
      { repeat: 'always', signal: o.signal },
    )
    const scope = reply.header?.cluster_id ?? ''
    if (scope !== fence.scope) throw foreignScope(fence, scope)
    const key = reply.kvs?.[0]?.key
    if (key === undefined) throw staleToken(fence)
    const made = { key: Buffer.from(key, 'base64').toString(), createRevision }
    if (known.size >= KNOWN_MAX) known.delete([...known.keys()][0] ?? '')
    known.set(name, made)
    return made
  }

  return {
    condition,
    write: async (fence, writes, o = {}) => {
      const { key, createRevision } = await condition(fence, o)
      const isHeld = {
        key: base64(key),
        target: 'CREATE',
        result: 'EQUAL',
        create_revision: createRevision.toString(),
      }
      const reply = await gateway.post(
        '/v3/kv/txn',
        { compare: [isHeld], success: writes.map(operationOf) },
        { repeat: 'unless-sent', signal: o.signal },
      )
      if (reply.succeeded !== true) throw staleToken(fence)
      return { revision: BigInt(reply.header?.revision ?? 0) }
    },
  }
}

function operationOf(write: EtcdWrite): unknown {
  if ('delete' in write) return { request_delete_range: { key: base64(write.delete) } }
  return { request_put: { key: base64(write.put), value: base64(write.value) } }
}

interface Reply {
  readonly header?: { readonly cluster_id?: string; readonly revision?: string }
  readonly kvs?: readonly { readonly key?: string }[]
  readonly succeeded?: boolean
  readonly token?: string
}

/** Numbers of 64 bits are strings there. */
class Gateway {
  readonly #endpoints: readonly string[]
  readonly #credentials: { readonly name: string; readonly password: string } | undefined
  readonly #fetch: typeof fetch
  /** Which endpoint is asked next: the one that answered last, or the one after that which did not. */
  #next = 0
  #token: string | undefined

  constructor(options: EtcdGuardOptions) {
    const { endpoints, user, password, fetch: fetchWith } = options
    const good =
      Array.isArray(endpoints) &&
      endpoints.length > 0 &&
      endpoints.every((each) => isServerUrl(String(each).replace(/\/$/, '')))
    if (!good) {
      const expected = "expected a list such as ['http://127.0.0.1:2379'], without passwords"
      throw new MandateError('INVALID_OPTIONS', `endpoints: ${expected}`, { option: 'endpoints', expected })
    }
    this.#endpoints = endpoints.map((each) => each.replace(/\/$/, ''))
    this.#credentials = user === undefined ? undefined : { name: user, password: password ?? '' }
    this.#fetch = fetchWith ?? fetch
  }

  /**
   * `unless-sent`: what a server may have taken is sent to no other, because it would write a second time: perhaps over
   * what this leader, who still leads, wrote after it.
   */
  async post(
    path: string,
    body: unknown,
    {
      repeat,
      signal,
    }: { readonly repeat: 'always' | 'unless-sent'; readonly signal: AbortSignal | undefined },
  ): Promise<Reply> {
    const tried: { target: string; reason: string }[] = []
    for (let tries = 0; tries < this.#endpoints.length; tries++) {
      const endpoint = this.#endpoints[this.#next % this.#endpoints.length]!
      try {
        return await this.#ask(endpoint, path, body, signal)
      } catch (error) {
        if (error instanceof MandateError || signal?.aborted === true) throw error
        tried.push({ target: endpoint, reason: reasonOf(error) })
        this.#next++
        if (repeat === 'unless-sent' && !isRefusedConnection(error)) break
      }
    }
    const reasons = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
    throw new MandateError('BACKEND_UNAVAILABLE', `no etcd endpoint answers: ${reasons}`, { tried })
  }

  async #ask(endpoint: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<Reply> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#send(
        endpoint,
        path,
        body,
        await this.#authorization(endpoint, signal),
        signal,
      )
      if (answer.ok) return (await answer.json()) as Reply
      const reason = (await answer.text()).slice(0, 200)
      if (answer.status === 401 && this.#credentials !== undefined && attempt === 0) this.#token = undefined
      else if (answer.status === 401)
        throw new MandateError('UNAUTHORIZED', `etcd takes no call: ${reason}`, { reason })
      else if (answer.status === 403)
        throw new MandateError('FORBIDDEN', `etcd denies it: ${reason}`, { reason })
      else throw new Error(`${answer.status} ${reason}`)
    }
  }

  async #authorization(endpoint: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.#credentials === undefined || this.#token !== undefined) return this.#token
    const answer = await this.#send(endpoint, '/v3/auth/authenticate', this.#credentials, undefined, signal)
    if (answer.ok) return (this.#token = ((await answer.json()) as Reply).token)
    const reason = (await answer.text()).slice(0, 200)
    throw new MandateError('UNAUTHORIZED', `etcd refused the user '${this.#credentials.name}': ${reason}`, {
      reason,
    })
  }

  #send(
    endpoint: string,
    path: string,
    body: unknown,
    authorization: string | undefined,
    signal: AbortSignal | undefined,
  ) {
    const limit = AbortSignal.timeout(ATTEMPT_MS)
    return this.#fetch(`${endpoint}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    })
  }
}

function base64(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64')
}

/** The end of the range of all keys that begin with a text that ends in '/'. */
function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`
}

/** Nothing was sent. */
function isRefusedConnection(error: unknown): boolean {
  const { code } = ((error as { readonly cause?: unknown }).cause ?? {}) as { readonly code?: unknown }
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(String(code))
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
