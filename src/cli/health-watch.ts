/** The health checks of `run`: the command of `--health`, and what is said about it. */
import type { Backend, Guarantee } from '../backends/backend.ts'
import { healthSettings, HealthWatch } from '../election/health.ts'
import type { Resolved } from './config.ts'
import { unmarked } from './family.ts'
import { healthCommand } from './health-command.ts'
import type { RunLog } from './run-log.ts'

interface About {
  readonly backend: Backend<Guarantee>
  readonly id: string
  readonly election: string
  readonly log: RunLog
}

/** Null without `--health`. */
export function healthWatch(resolved: Resolved, { backend, id, election, log }: About): HealthWatch | null {
  const command = resolved.health.value
  if (command === undefined) return null
  // No token: a check runs whether this process leads or not, and is none of the command's own.
  const env = { ...unmarked(process.env), MANDATE_ELECTION: election, MANDATE_ID: id }
  const settings = healthSettings(
    {
      check: healthCommand(command, env),
      intervalMs: resolved.healthInterval.value,
      timeoutMs: resolved.healthTimeout.value,
      failures: resolved.healthFailures.value,
      successes: resolved.healthSuccesses.value,
    },
    'health',
  )
  const report = ({ error }: { readonly error: unknown }): void =>
    log.warn('unhealthy', `unhealthy, so this candidate does not stand: ${messageOf(error)}`)
  return new HealthWatch(settings, { clock: backend.env.clock, report }, 'health check')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
