/** One living session for each candidate id: of two, the one that came first stays (DESIGN §2 "Same id twice"). */
import { MandateError } from '../../errors.ts'
import type { BackendEnv, Cancellable } from '../backend.ts'
import { pause } from '../settled.ts'
import type { SessionInfo } from './answers.ts'
import type { ConsulApi } from './api.ts'
import type { Tie } from './tie.ts'

export interface IdentityOptions {
  readonly api: ConsulApi
  readonly env: BackendEnv
  readonly candidateId: string
  readonly ttlMs: number
  readonly checkMs: number | undefined
}

const LOOK_MS = 250

/**
 * Resolves once no older session has this candidate id. Consul does not tell when a session was renewed last, so whether
 * it is alive shows only in that it outlives the silence of a dead one: a process that crashed and comes back waits, as
 * any successor would, and one that takes the id of a living one is refused after that.
 *
 * @throws DUPLICATE_ID, CANCELLED, BACKEND_UNAVAILABLE
 */
export async function waitForTwins(
  options: IdentityOptions,
  tie: Tie,
  { signal }: Cancellable,
): Promise<void> {
  const { api, env, candidateId, ttlMs } = options
  const call = { timeoutMs: Math.max(1000, ttlMs / 3), signal }
  let fromMs = env.clock.lower()
  let leader: string | undefined
  for (;;) {
    const sessions = await api.listSessions(call)
    const own = sessions.find(({ id }) => id === tie.session)
    const elder = sessions.find(
      ({ id, name, createIndex }) =>
        id !== tie.session &&
        name.startsWith(tie.namePrefix) &&
        (own === undefined || createIndex < own.createIndex),
    )
    if (elder === undefined) return
    // A new leader of the servers gives every session its whole time again.
    const present = await api.leader(call)
    if (leader !== undefined && present !== leader) fromMs = env.clock.lower()
    leader = present
    const waitedMs = env.clock.lower() - fromMs
    if (waitedMs > silenceMs(elder, options)) throw duplicate(candidateId, elder, waitedMs)
    await pause(env.clock, LOOK_MS, signal)
  }
}

/** After so long, a session that still exists has been kept alive. */
function silenceMs({ hasChecks, ttlMs }: SessionInfo, own: IdentityOptions): number {
  // Consul waits for twice the time to live; the check of a dead process fails sooner.
  if (hasChecks && own.checkMs !== undefined) return 1.5 * own.checkMs + 1000
  return 2 * (ttlMs ?? own.ttlMs) + 2000
}

function duplicate(
  id: string,
  { id: session, peer }: SessionInfo,
  sinceMs: number,
): MandateError<'DUPLICATE_ID'> {
  return new MandateError(
    'DUPLICATE_ID',
    `candidate id '${id}' is taken by a living session (${session}, at the agent '${peer}'): ` +
      'give every process an id of its own',
    { id, sinceMs },
  )
}
