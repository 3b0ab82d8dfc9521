/** The guard's last act: frees the session of a supervisor that is dead, whose command is dead too. */
import { backendFrom } from './backend-from.ts'
import { asClient } from './description.ts'
import type { ReleasePlan } from './guard-protocol.ts'

/** For a long lease: a cluster that is away for so long is likely to stay away. */
const giveUpAfterMs = 15_000

/** Imports the backend ahead of time; opens no connection. */
export async function prepareRelease(
  plan: ReleasePlan | null,
): Promise<(plan: ReleasePlan) => Promise<string>> {
  if (plan !== null) await backendOf(plan)
  return releaseSession
}

async function releaseSession(plan: ReleasePlan): Promise<string> {
  try {
    const backend = await backendOf(plan)
    if (backend.releaseSession === undefined) return 'unsupported'
    return await backend.releaseSession(plan.ticket, {
      signal: AbortSignal.timeout(Math.min(plan.leaseMs, giveUpAfterMs)),
    })
  } catch (error) {
    // Nothing is lost but time: the lease ends the session.
    return error instanceof Error ? error.message : String(error)
  }
}

function backendOf({ backend }: ReleasePlan) {
  return backendFrom(asClient(backend), { onBackgroundFailure: () => undefined, warn: () => undefined })
}
