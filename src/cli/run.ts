/** `mandate run NAME -- command`: settings, guard and backend, then the supervisor. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { MandateError } from '../errors.ts'
import { backendFrom } from './backend-from.ts'
import type { CommandContext } from './command.ts'
import { requireBackend, resolveConfig } from './config.ts'
import type { Resolved } from './config.ts'
import { leastRemainingMs, serviceLeaseMs, takeoverMs, usedMs } from './services/index.ts'
import type { BackendDescription } from './description.ts'
import { checkElectionName } from './election-name.ts'
import { formatDuration } from './duration.ts'
import { exitCode, exitCodeOf } from './exit-codes.ts'
import { explain } from './explain.ts'
import { GuardLink } from './guard-link.ts'
import { healthWatch } from './health-watch.ts'
import { isFirstProcess } from './init-script.ts'
import type { CommandLine } from './guard-protocol.ts'
import { watchQuorum } from './quorum-watch.ts'
import { RunLog } from './run-log.ts'
import type { Ending } from './run-log.ts'
import { reportSparingly } from './report-sparingly.ts'
import { SignalInbox } from './signals.ts'
import { supervise } from './supervise.ts'
import type { RunPlan } from './supervise.ts'
import type { RunExclusivity } from './term-options.ts'
import type { BackendFacts, Guarantee } from '../backends/backend.ts'

const defaultLeaseMs = 3000
const advisoryWarning =
  'quorum=false: while the network is split, each part runs the command, so that two may run at once. There is no fencing ' +
  'token (MANDATE_TOKEN is not set). Use it only for work that may be done twice'
const firstProcessWarning =
  'this is the first process of its container, and before Node 22.15 it cannot collect orphans: ' +
  'they stay as zombies until it ends. Put an init before it, such as docker run --init or tini'

export async function run(context: CommandContext): Promise<number> {
  const [name = ''] = context.operands
  checkElectionName(name)
  const resolved = await resolveConfig(context)
  const log = new RunLog({
    election: name,
    id: resolved.id.value ?? '',
    format: resolved.logFormat.value,
    level: resolved.logLevel.value,
    env: process.env,
  })
  const ending = await start(context, name, resolved, log).catch(failed)
  log.end(ending)
  await log.flush(1000)
  return ending.code
}

function failed(error: unknown): Ending {
  return { code: exitCodeOf(error), whose: 'mandate', why: 'see the error', details: explain(error) }
}

async function start(
  context: CommandContext,
  name: string,
  resolved: Resolved,
  log: RunLog,
): Promise<Ending> {
  const description = requireBackend(resolved)
  const times = checkTimes(resolved, description)
  const command = commandLine(context, resolved.shell.value)
  const missing = whyNotRunnable(command)
  if (missing !== undefined) return missing
  // Started now, so that a takeover need not pay for its start.
  const guard = new GuardLink(process.env)
  const backend = await backendFrom(description, {
    onBackgroundFailure: reportSparingly((text) => log.warn('background', text)),
    warn: (text) => log.warn('backend', text),
  })
  const id = resolved.id.value ?? backend.defaultCandidateId ?? ''
  log.identify(id)
  const plan: RunPlan = {
    election: name,
    id,
    priority: resolved.priority.value,
    metadata: resolved.metadata.value,
    exclusivity: exclusivityOf(resolved, backend.facts),
    ...times,
    waitMs: resolved.wait.value,
    onLoss: resolved.onLoss.value,
    restart: resolved.restart.value,
    killSignal: resolved.killSignal.value,
    command,
    backend: description,
  }
  announce(plan, log)
  if (plan.exclusivity === 'none') log.warn('advisory', advisoryWarning)
  if (isFirstProcess()) log.warn('first-process', firstProcessWarning)
  const inbox = context.inbox ?? new SignalInbox()
  const watch = watchQuorum(backend, (text) => log.warn('no-quorum', text))
  try {
    const health = healthWatch(resolved, { backend, id, election: name, log })
    return await supervise(plan, { backend, guard, inbox, log, env: process.env, watch, health })
  } finally {
    watch.stop()
    const limit = new Promise<void>((resolve) => setTimeout(resolve, 2000))
    await Promise.race([backend.close(), limit, inbox.hurried])
  }
}

/** An advisory backend has none. Whoever asked for one is refused by `createElection`, which says why. */
function exclusivityOf({ exclusivity }: Resolved, facts: BackendFacts<Guarantee>): RunExclusivity {
  return facts.guarantee === 'advisory' && exclusivity.source === 'default' ? 'none' : exclusivity.value
}

/** Of a service that has a shortest lease of its own; elsewhere that of `run`. */
function leaseOf(description: BackendDescription): number {
  return serviceLeaseMs(description) ?? defaultLeaseMs
}

/** The grace must fit into the lease, or the command could not be dead before its end. */
function checkTimes(
  resolved: Resolved,
  description: BackendDescription,
): { leaseMs: number; graceMs: number; marginMs: number } {
  const leaseMs = resolved.lease.value ?? leaseOf(description)
  const graceMs = resolved.grace.value
  const marginMs = killMarginMs(leaseMs)
  if (resolved.wait.value === 0)
    throw invalid('wait', 'wait is 0: it would always give up. Write at least 100ms.')
  // What is left between two renewals: without room, one lost message would stop the command.
  const leftMs = leastRemainingMs(description, leaseMs)
  if (graceMs + marginMs <= leftMs) return { leaseMs, graceMs, marginMs }
  const { source: leaseSource } = resolved.lease
  // Of so short a lease not even the margin would leave enough.
  const graceMaxMs = Math.floor(leftMs - marginMs)
  const shorter = graceMaxMs < 0 ? '' : `a grace of at most ${formatDuration(graceMaxMs)}, or `
  throw invalid(
    'grace',
    `The grace of ${formatDuration(graceMs)} (${resolved.grace.source}) and the margin of ${formatDuration(marginMs)} ` +
      `for killing do not fit into the lease of ${formatDuration(leaseMs)} (${leaseSource}): the command could outlive ` +
      `the leadership. Choose ${shorter}a longer lease.`,
  )
}

function invalid(option: string, message: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError('INVALID_OPTIONS', message, { option })
}

/**
 * Between SIGKILL and the end of the leadership: the guard's own wake-up on a busy machine, and the kernel's. A process
 * stops executing within a few ms; only freeing its memory takes longer (138 ms for 1 GB).
 */
export function killMarginMs(leaseMs: number): number {
  return Math.min(200, Math.max(20, leaseMs / 10))
}

function announce({ leaseMs, graceMs, marginMs, exclusivity, backend }: RunPlan, log: RunLog): void {
  const validMs = usedMs(backend, leaseMs)
  const stop = formatDuration(validMs - graceMs - marginMs)
  const kill = formatDuration(validMs - marginMs)
  const mode = exclusivity === 'none' ? 'no exclusivity' : `${exclusivity} mode`
  log.note(
    `${mode}, lease ${formatDuration(leaseMs)}: without contact for ${stop} the command is asked to stop, after ${kill} it is dead`,
  )
  log.note(
    `worst takeover: about ${formatDuration(takeoverMs(backend, leaseMs))} when a whole machine dies; when only this process dies, as soon as its command is dead`,
  )
}

function commandLine({ wrapped, env }: CommandContext, shell: boolean): CommandLine {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const [file = '', ...args] = shell ? ['/bin/sh', '-c', wrapped.join(' ')] : wrapped
  return { file, args, env: Object.fromEntries(given) }
}

/** A command that cannot run must not first win an election: every replica would in turn. */
function whyNotRunnable({ file, env }: CommandLine): Ending | undefined {
  const candidates = file.includes('/')
    ? [file]
    : (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder === '' ? '.' : folder, file))
  const states = candidates.map(stateOf)
  if (states.includes('runnable')) return undefined
  if (states.includes('not-executable')) {
    return { code: exitCode.cannotRun, whose: 'mandate', why: `'${file}' is not an executable file` }
  }
  const where = file.includes('/') ? '' : ' in PATH'
  return { code: exitCode.notFound, whose: 'mandate', why: `there is no command '${file}'${where}` }
}

function stateOf(path: string): 'runnable' | 'not-executable' | 'absent' {
  try {
    if (!statSync(path).isFile()) return 'not-executable'
  } catch {
    return 'absent'
  }
  try {
    accessSync(path, constants.X_OK)
    return 'runnable'
  } catch {
    return 'not-executable'
  }
}
