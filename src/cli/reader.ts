/** What the reading commands share: a client of the backend that never takes on a peer's identity. */
import type { Backend, Guarantee } from '../backends/backend.ts'
import type { AdvisoryRank } from '../backends/advisory-rank.ts'
import { MandateError, isMandateError } from '../errors.ts'
import type { LeaderOf } from '../index.ts'
import { backendFrom } from './backend-from.ts'
import type { CommandContext } from './command.ts'
import { requireBackend, resolveConfig } from './config.ts'
import { asClient } from './description.ts'
import { printError } from './streams.ts'

/** The scheme of the backend's URL; `custom` for a module of the user's own. */
export async function backendType(context: CommandContext): Promise<string> {
  const { type } = requireBackend(await resolveConfig(context))
  return type === 'module' ? 'custom' : type
}

export async function openReader(context: CommandContext): Promise<Backend<Guarantee>> {
  const description = asClient(requireBackend(await resolveConfig(context)))
  return backendFrom(description, {
    // A reader tells at its end what it could not reach; dialling again is no news.
    onBackgroundFailure: () => undefined,
    warn: (text) => printError(`mandate: ${text}`),
  })
}

/** Longer than a service's own client tries, so that its reasons are told, and not that the time was over. */
export const answerLimitMs = 6000

/** Why nobody answered; a refusal (a missing right, a wrong setting) is an answer, and thrown on. */
export function silence(error: unknown): unknown {
  const codes = ['CANCELLED', 'BACKEND_UNAVAILABLE', 'TIMEOUT'] as const
  if (!codes.some((code) => isMandateError(error, code))) throw error
  if (!isMandateError(error, 'CANCELLED')) return error
  const { message } = error.cause instanceof Error ? error.cause : error
  // Cut short by our own limit: what was going on is not known.
  return new MandateError('TIMEOUT', `no answer within ${answerLimitMs / 1000} s (${message})`, {
    afterMs: answerLimitMs,
  })
}

/**
 * As in INTERFACES §3; a token is a decimal string, because 64 bits do not fit a JSON number. A leader of an advisory election
 * has a rank instead: its token and scope are empty, which no guard takes for any.
 */
export interface LeaderJson {
  readonly id: string
  readonly token: string
  readonly scope: string
  readonly rank: AdvisoryRank | null
  readonly metadata: Readonly<Record<string, string>>
}

export function leaderJson(leader: LeaderOf<Guarantee>): LeaderJson {
  const { id, metadata } = leader
  if ('rank' in leader) return { id, token: '', scope: '', rank: leader.rank, metadata }
  return { id, token: leader.token.toString(), scope: leader.tokenScope, rank: null, metadata }
}

/** For people: the token, or what orders leaders that have none. */
export function markOf({ token, rank }: LeaderJson): string {
  return rank === null ? token : `rank ${rank.epoch}.${rank.slot}`
}
