/** The few endpoints of Consul that an election needs, typed. */
import { MandateError } from '../../errors.ts'
import { parseExact, stringifyExact } from '../../fencing/consul/exact-json.ts'
import { entriesOf, lastIndexOf, malformed, refusalOf, sessionsOf } from './answers.ts'
import type { KvAnswer, SessionInfo, TxnResult } from './answers.ts'
import type { ConsulHttp, ConsulReply, ConsulRequest } from './http.ts'
import { keyPath } from '../../fencing/consul/layout.ts'

export interface SessionSpec {
  readonly Name: string
  readonly TTL: string
  readonly LockDelay: string
  readonly Behavior: 'release'
  readonly NodeChecks: readonly string[]
  readonly ServiceChecks?: readonly { readonly ID: string }[]
}

export type KvOperation =
  | { readonly Verb: 'check-not-exists'; readonly Key: string }
  | { readonly Verb: 'check-index'; readonly Key: string; readonly Index: bigint }
  | { readonly Verb: 'check-session'; readonly Key: string; readonly Session: string }
  | { readonly Verb: 'set'; readonly Key: string; readonly Value: string; readonly Flags: bigint }
  | {
      readonly Verb: 'lock' | 'unlock'
      readonly Key: string
      readonly Value: string
      readonly Session: string
      readonly Flags: bigint
    }

export interface Call {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

export class ConsulApi {
  readonly http: ConsulHttp

  constructor(http: ConsulHttp) {
    this.http = http
  }

  /** Which server leads the others, `""` for none; needs no right. @throws BACKEND_UNAVAILABLE */
  async leader(call: Call): Promise<string> {
    const path = '/v1/status/leader'
    const reply = await this.#ask({ method: 'GET', path, lane: 'work', idempotent: true, ...call })
    if (reply.status !== 200) throw this.#failure(reply, 'its leader', 'no rule')
    return reply.text.trim()
  }

  // ---- the agent ------------------------------------------------------------------------------------------------

  async datacenter(call: Call): Promise<string> {
    const reply = await this.#ask({
      method: 'GET',
      path: '/v1/agent/self',
      lane: 'work',
      idempotent: true,
      ...call,
    })
    if (reply.status !== 200)
      throw this.#failure(
        reply,
        "the agent's datacentre",
        'agent_prefix "" { policy = "read" }, or the option `datacenter`',
      )
    const self = parseExact(reply.text) as { readonly Config?: { readonly Datacenter?: unknown } } | null
    const name = self?.Config?.Datacenter
    if (typeof name === 'string' && name !== '') return name
    throw malformed('the agent told no datacentre')
  }

  /** A service instance with a check that expires unless `pass` is called; critical for a minute, it is removed. */
  async registerCheck(
    check: { readonly id: string; readonly ttl: string; readonly note: string },
    call: Call,
  ): Promise<void> {
    const body = {
      ID: check.id,
      Name: CHECK_SERVICE,
      Check: {
        CheckID: check.id,
        Name: check.note,
        TTL: check.ttl,
        Status: 'passing',
        DeregisterCriticalServiceAfter: '1m',
      },
    }
    const path = '/v1/agent/service/register'
    const reply = await this.#ask({ ...put(path, body), lane: 'live', idempotent: true, ...call })
    if (reply.status !== 200)
      throw this.#failure(
        reply,
        'the check of this process',
        `service "${CHECK_SERVICE}" { policy = "write" }`,
      )
  }

  /** False: the agent knows of no such check (any more). */
  async pass(id: string, call: Call): Promise<boolean> {
    const path = `/v1/agent/check/pass/${encodeURIComponent(id)}`
    const reply = await this.#ask({ ...put(path), lane: 'live', idempotent: true, ...call })
    if (reply.status === 200) return true
    // 404 since 1.11; before, 500 with these words.
    if (reply.status === 404 || /does not have associated TTL|Unknown check/i.test(reply.text)) return false
    throw this.#failure(
      reply,
      'the heartbeat of this process',
      `service "${CHECK_SERVICE}" { policy = "write" }`,
    )
  }

  async deregisterCheck(id: string, call: Call): Promise<void> {
    const path = `/v1/agent/service/deregister/${encodeURIComponent(id)}`
    await this.#ask({ ...put(path), lane: 'live', idempotent: true, ...call })
  }

  // ---- sessions -------------------------------------------------------------------------------------------------

  /** Undefined: its check is on its way from the agent to the servers. */
  async createSession(spec: SessionSpec, call: Call): Promise<string | undefined> {
    const reply = await this.#ask({
      ...put('/v1/session/create', spec),
      lane: 'live',
      idempotent: false,
      ...call,
    })
    if (reply.status === 500 && /Missing check|in critical state/i.test(reply.text)) return undefined
    if (reply.status !== 200)
      throw this.#failure(reply, 'a session', 'session_prefix "" { policy = "write" }')
    const { ID } = parseExact(reply.text) as { readonly ID?: unknown }
    if (typeof ID === 'string' && ID !== '') return ID
    throw malformed('the answer to the creation of a session has no ID')
  }

  /** The time to live that was granted; undefined: there is no such session any more. */
  async renewSession(id: string, call: Call): Promise<number | undefined> {
    const reply = await this.#ask({
      ...put(`/v1/session/renew/${id}`),
      lane: 'live',
      idempotent: true,
      ...call,
    })
    if (reply.status === 404) return undefined
    if (reply.status !== 200)
      throw this.#failure(reply, 'the renewal of a session', 'session_prefix "" { policy = "write" }')
    const [session] = sessionsOf(reply.text)
    if (session?.ttlMs === undefined) throw malformed('the answer to a renewal has no TTL')
    return session.ttlMs
  }

  /** Idempotent. */
  async destroySession(id: string, call: Call): Promise<void> {
    const reply = await this.#ask({
      ...put(`/v1/session/destroy/${id}`),
      lane: 'live',
      idempotent: true,
      ...call,
    })
    if (reply.status !== 200 && reply.status !== 404)
      throw this.#failure(reply, 'the end of a session', 'session_prefix "" { policy = "write" }')
  }

  async sessionInfo(id: string, call: Call): Promise<SessionInfo | undefined> {
    return (await this.#sessions(`/v1/session/info/${encodeURIComponent(id)}`, call))[0]
  }

  /** Of the whole datacentre, as far as the ACL token shows them. */
  listSessions(call: Call): Promise<readonly SessionInfo[]> {
    return this.#sessions('/v1/session/list', call)
  }

  async #sessions(path: string, call: Call): Promise<readonly SessionInfo[]> {
    const query = { consistent: '' }
    const reply = await this.#ask({ method: 'GET', path, query, lane: 'work', idempotent: true, ...call })
    if (reply.status !== 200)
      throw this.#failure(reply, 'the sessions', 'session_prefix "" { policy = "read" }')
    return sessionsOf(reply.text)
  }

  // ---- keys -----------------------------------------------------------------------------------------------------

  /** Linearizable. */
  getKey(key: string, call: Call): Promise<KvAnswer> {
    return this.#read(key, {}, { ...call, lane: 'work' })
  }

  /** Waits until the store is past `after`, or for `waitMs`. Linearizable. 0n: answers at once. */
  watchKey(
    {
      key,
      recurse,
      after,
      waitMs,
    }: { readonly key: string; readonly recurse: boolean; readonly after: bigint; readonly waitMs: number },
    call: Call,
  ): Promise<KvAnswer> {
    const query = {
      ...(recurse ? { recurse: '' } : {}),
      ...(after === 0n ? {} : { index: after.toString(), wait: `${Math.round(waitMs)}ms` }),
    }
    return this.#read(key, query, { ...call, lane: 'watch' })
  }

  async #read(
    key: string,
    query: Record<string, string>,
    call: Call & Pick<ConsulRequest, 'lane'>,
  ): Promise<KvAnswer> {
    const path = `/v1/kv/${keyPath(key)}`
    const reply = await this.#ask({
      method: 'GET',
      path,
      query: { ...query, consistent: '' },
      idempotent: true,
      ...call,
    })
    if (reply.status !== 200 && reply.status !== 404)
      throw this.#failure(reply, `the key ${key}`, `key_prefix "${key}" { policy = "read" }`)
    // An index of 0 would make the next query answer at once, and the one after it.
    if (reply.index === undefined || reply.index === 0n)
      throw malformed(`the answer to GET ${path} has no X-Consul-Index`)
    return { entries: reply.status === 404 ? [] : entriesOf(reply.text), index: reply.index }
  }

  /**
   * All of it or nothing. Never sent twice.
   * @throws BACKEND_UNAVAILABLE: it may have taken effect, and may still; FORBIDDEN and others: it did not
   */
  async transact(operations: readonly KvOperation[], call: Call): Promise<TxnResult> {
    const body = stringifyExact(operations.map((operation) => ({ KV: operation })))
    const reply = await this.#ask({
      method: 'PUT',
      path: '/v1/txn',
      body,
      lane: 'work',
      idempotent: false,
      ...call,
    })
    if (reply.status === 200) return { is: 'applied', index: lastIndexOf(reply.text) }
    const [key = ''] = operations.map(({ Key }) => Key)
    if (reply.status !== 409)
      throw this.#failure(reply, `the key ${key}`, `key_prefix "${key}" { policy = "write" }`)
    const { Errors } = parseExact(reply.text) as {
      readonly Errors?: readonly { readonly What?: unknown }[] | null
    }
    const what = (Errors ?? []).map((each) => String(each.What)).join('; ')
    if (/permission denied|acl not found/i.test(what))
      throw this.#denied(what, `the key ${key}`, `key_prefix "${key}" { policy = "write" }`)
    return { is: 'refused', why: refusalOf(what), what }
  }

  // ---- answers --------------------------------------------------------------------------------------------------

  #ask(request: ConsulRequest): Promise<ConsulReply> {
    return this.http.send(request)
  }

  #failure({ status, text }: ConsulReply, what: string, rule: string): MandateError {
    const said = text.trim().slice(0, 300)
    if (status === 401 || status === 403) return this.#denied(said, what, rule)
    if (status === 400)
      return new MandateError('INVALID_OPTIONS', `Consul refuses the request for ${what}: ${said}`, {
        option: 'backend',
        expected: said,
      })
    const hint = status === 429 ? ': raise limits.http_max_conns_per_client of the agent' : ''
    const reason = `HTTP ${status}: ${said}${hint}`
    return new MandateError(
      'BACKEND_UNAVAILABLE',
      `Consul at ${this.http.target} cannot answer for ${what}: ${reason}`,
      {
        tried: [{ target: this.http.target, reason }],
      },
    )
  }

  #denied(said: string, what: string, rule: string): MandateError {
    if (/acl not found/i.test(said)) {
      const reason = `Consul does not know the ACL token (${said})`
      return new MandateError('UNAUTHORIZED', `${reason}; set CONSUL_HTTP_TOKEN, or the option \`token\``, {
        reason,
      })
    }
    const reason = `Consul denies ${what} (${said}): the ACL token lacks ${rule}`
    return new MandateError('FORBIDDEN', reason, { reason })
  }
}

/** The service under which linked checks are registered; one instance a process. */
export const CHECK_SERVICE = 'mandate'

export const encode64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
export const decode64 = (value64: string): string => Buffer.from(value64, 'base64').toString('utf8')

function put(
  path: string,
  body?: unknown,
): { readonly method: 'PUT'; readonly path: string; readonly body?: string } {
  return { method: 'PUT', path, ...(body === undefined ? {} : { body: stringifyExact(body) }) }
}
