/**
 * The token on HTTP requests. A service that the leader writes through lets a request pass only with the newest token that it
 * has seen, which it stores first.
 *
 * A check at the door is not yet one at the write: an older request that passed may still be at work. So a newer token waits
 * until the requests of older ones have been answered.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isMandateError, MandateError } from '../errors.ts'
import type { FenceStore } from './fence-store.ts'
import { checkFence, staleToken } from './guard.ts'
import type { Fence } from './guard.ts'

export interface HttpGuardOptions {
  readonly store: FenceStore
  /** Whose leader may write here; every other election is refused. @default any: tell them apart in the handler */
  readonly election?: string | undefined
  /** How long the first request of a new leader waits for those of older ones, in ms; then it is answered 503. @default 10000 */
  readonly drainMs?: number | undefined
}

export interface HttpGuard {
  /** Lets `handle` answer, or refuses. `handle` must resolve after its writes are done. */
  around(request: Request, handle: (fence: Fence) => Promise<Response>): Promise<Response>
  /**
   * Undefined: go on. The refusal otherwise. Does not know when the request is answered, so a newer leader does not wait
   * for it: for handlers whose write is one step.
   */
  check(request: Request): Promise<Response | undefined>
  /** For `node:http`. Undefined: it was refused, and answered. Else the request counts as at work until its response is sent. */
  node(request: IncomingMessage, response: ServerResponse): Promise<Fence | undefined>
}

/** What a client sends. @throws INVALID_OPTIONS for what is no fence, such as an advisory leadership */
export function fenceHeaders(fence: Fence): Record<string, string> {
  const { token, scope, election } = checkFence(fence)
  return {
    'mandate-token': token.toString(),
    'mandate-token-scope': encodeURIComponent(scope),
    'mandate-election': encodeURIComponent(election),
  }
}

interface Refusal {
  readonly status: number
  readonly body: string
}

export function httpGuard({ store, election, drainMs = 10_000 }: HttpGuardOptions): HttpGuard {
  if (!(drainMs > 0 && drainMs < 2 ** 31))
    throw new MandateError('INVALID_OPTIONS', `drainMs is ${drainMs}: expected a number of ms above 0`, {
      option: 'drainMs',
      value: drainMs,
    })
  const atWork = new AtWork()
  /** Resolves when the request may go on; call what it gives when that is answered. */
  const enter = async (
    headers: (name: string) => string | undefined,
  ): Promise<{ fence: Fence; leave: () => void } | Refusal> => {
    const fence = fenceOfHeaders(headers)
    if ('status' in fence) return fence
    if (election !== undefined && fence.election !== election)
      return refusal(403, 'FORBIDDEN', `only the leader of election '${election}' writes here`)
    try {
      await store.raise(fence)
      const leave = atWork.begin(fence)
      if (leave === undefined) throw staleToken(fence)
      if (await atWork.drained(fence, drainMs)) return { fence, leave }
      leave()
      const message = `requests of older tokens were not answered in ${drainMs} ms`
      return refusal(503, 'TIMEOUT', message)
    } catch (error) {
      if (isMandateError(error, 'LEADERSHIP_LOST') || isMandateError(error, 'CLUSTER_MISMATCH'))
        return refusal(412, error.code, error.message)
      throw error
    }
  }
  return {
    async around(request, handle) {
      const entered = await enter((name) => request.headers.get(name) ?? undefined)
      if ('status' in entered) return responseOf(entered)
      try {
        return await handle(entered.fence)
      } finally {
        entered.leave()
      }
    },
    async check(request) {
      const entered = await enter((name) => request.headers.get(name) ?? undefined)
      if ('status' in entered) return responseOf(entered)
      entered.leave()
      return undefined
    },
    async node(request, response) {
      const entered = await enter((name) => {
        const value = request.headers[name]
        return typeof value === 'string' ? value : undefined
      })
      if ('status' in entered) {
        response.writeHead(entered.status, { 'content-type': 'application/json' }).end(entered.body)
        return undefined
      }
      // Also where the client went away before; the handler that still writes then is not seen: `around` sees it.
      if (response.closed) entered.leave()
      else response.once('close', entered.leave)
      return entered.fence
    },
  }
}

function fenceOfHeaders(header: (name: string) => string | undefined): Fence | Refusal {
  const [token, scope, election] = [
    header('mandate-token'),
    header('mandate-token-scope'),
    header('mandate-election'),
  ]
  if (token === undefined || scope === undefined || election === undefined)
    return refusal(428, 'INVALID_OPTIONS', 'send mandate-token, mandate-token-scope and mandate-election')
  try {
    return checkFence({
      token: /^\d{1,20}$/.test(token) ? BigInt(token) : token,
      scope: decodeURIComponent(scope),
      election: decodeURIComponent(election),
    })
  } catch (error) {
    return refusal(400, 'INVALID_OPTIONS', error instanceof Error ? error.message : String(error))
  }
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, body: JSON.stringify({ code, message }) }
}

function responseOf({ status, body }: Refusal): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/json' } })
}

/** Requests that passed and are not answered yet, by election and token. */
class AtWork {
  readonly #elections = new Map<string, Map<bigint, number>>()
  readonly #newest = new Map<string, bigint>()
  readonly #waiting = new Set<() => void>()

  /**
   * Undefined: a newer token has begun. The store let both pass, in their order, but its answers may come in another; this is
   * the order that counts, because a newer one looks for older ones after it has begun.
   */
  begin({ election, token }: Fence): (() => void) | undefined {
    const newest = this.#newest.get(election) ?? 0n
    if (newest > token) return undefined
    this.#newest.set(election, token)
    const tokens = this.#elections.get(election) ?? new Map<bigint, number>()
    this.#elections.set(election, tokens)
    tokens.set(token, (tokens.get(token) ?? 0) + 1)
    let open = true
    return () => {
      if (!open) return
      open = false
      const left = (tokens.get(token) ?? 1) - 1
      if (left > 0) tokens.set(token, left)
      else tokens.delete(token)
      if (tokens.size === 0) this.#elections.delete(election)
      for (const look of this.#waiting) look()
    }
  }

  /** False: older ones are still at work after so long. */
  drained({ election, token }: Fence, withinMs: number): Promise<boolean> {
    const isDrained = (): boolean =>
      ![...(this.#elections.get(election)?.keys() ?? [])].some((each) => each < token)
    if (isDrained()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const settle = (drained: boolean): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(drained)
      }
      const look = (): void => {
        if (isDrained()) settle(true)
      }
      const timer = setTimeout(() => settle(false), withinMs)
      this.#waiting.add(look)
    })
  }
}
