/**
 * The guard of `run`: a process of its own that starts the command, leads it, and outlives the supervisor.
 *
 * It holds a pipe that carries each new deadline. If the pipe closes, the supervisor is dead; if a deadline passes, it is
 * stopped or hung. Either way the command's whole group gets SIGKILL at once, so that a successor never meets it. If
 * the supervisor is dead and the group is gone, the guard then releases the session: a takeover need not wait for the lease.
 *
 * The command leads a session and a group of its own, because a group cannot be killed without its guard if the guard is
 * a member. The guard is the command's parent, so that between its start and the first message nothing can be lost
 * with the supervisor. What leaves the group by setsid() is found by its environment, on Linux (family.ts).
 *
 * It starts before the election is won, and imports little: it must be up when the first command is due, and stay small.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { devNull } from 'node:os'
import { lineReader, remainingUntil } from './guard-protocol.ts'
import type { CommandLine, Deadline, FromGuard, ReleasePlan, ToGuard } from './guard-protocol.ts'
import { Deadman } from './deadman.ts'
import { Family } from './family.ts'

const supervisorPid = Number(process.argv[2])

/** How often the deadline is held against the clock that counts suspended time: no timer fires at its end. */
const lookEveryMs = 200
/** The import of the backend blocks for some 50 ms; it waits until the command's own start is over. */
const preloadAfterMs = 300

type Release = (plan: ReleasePlan) => Promise<string>

const pipe = new Socket({ fd: 3 })
/** Kills the command if this process is killed while the supervisor is stopped, or together with it. */
const deadman = new Deadman()
let command: { readonly family: Family; readonly gone: Promise<void> } | undefined
let deadline: Deadline | undefined
let deadlineTimer: NodeJS.Timeout | undefined
let plan: ReleasePlan | null = null
let release: Promise<Release> | undefined
/** Whether the command itself runs; what it left behind may run longer. */
let commandRuns = false
let endsInOrder = false

function tell(message: FromGuard): void {
  pipe.write(`${JSON.stringify(message)}\n`)
}

function receive(line: string): void {
  const message = JSON.parse(line) as ToGuard
  switch (message.type) {
    case 'start':
      setDeadline(message.deadline)
      startCommand(message.command)
      break
    case 'deadline':
      setDeadline(message.deadline)
      tell({ type: 'heard' })
      break
    case 'signal':
      signalCommand(message.signal)
      break
    case 'plan':
      plan = message.plan
      if (plan !== null) setTimeout(() => void preload(), preloadAfterMs).unref()
      break
    case 'end':
      endsInOrder = true
      pipe.end()
      break
    default:
      message satisfies never
  }
}

function setDeadline(next: Deadline): void {
  deadline = next
  clearTimeout(deadlineTimer)
  const remainingMs = remainingUntil(next)
  if (remainingMs > 0) deadlineTimer = setTimeout(() => setDeadline(next), Math.min(remainingMs, lookEveryMs))
  else if (command !== undefined) {
    if (!command.family.killed) tell({ type: 'killed' })
    command.family.kill()
  }
}

function signalCommand(signal: NodeJS.Signals): void {
  // While it runs, what it has sent away on purpose is its own business.
  if (commandRuns) command?.family.signalGroup(signal)
  else command?.family.signalAll(signal)
}

function startCommand(line: CommandLine): void {
  if (deadline === undefined || remainingUntil(deadline) <= 0) {
    tell({ type: 'failed', code: 'LATE', message: 'the deadline was past before the command could start' })
    return
  }
  let child: ChildProcess
  try {
    child = spawn(line.file, line.args, { stdio: 'inherit', detached: true, env: line.env })
  } catch (error) {
    tell(failure(error))
    return
  }
  child.once('error', (error) => {
    if (child.pid === undefined) tell(failure(error))
  })
  const { pid } = child
  if (pid === undefined) return
  // Written at once: should this process be killed next, the supervisor must know whom to kill.
  tell({ type: 'started', pid })
  deadman.tell(pid)
  commandRuns = true
  const family = new Family(pid, line.env)
  command = { family, gone: watch(child, family) }
}

function failure(error: unknown): FromGuard {
  const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException
  return { type: 'failed', code, message }
}

async function watch(child: ChildProcess, family: Family): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      commandRuns = false
      tell({ type: 'exited', code, signal, leftover: family.alive() })
      resolve()
    })
  })
  await family.gone()
  command = undefined
  deadman.tell(undefined)
  clearTimeout(deadlineTimer)
  tell({ type: 'gone' })
}

function preload(): Promise<Release> {
  release ??= import('./guard-release.ts').then((module) => module.prepareRelease(plan))
  return release
}

async function supervisorLost(): Promise<void> {
  if (command !== undefined) {
    command.family.kill()
    await command.gone
  }
  deadman.end()
  letGoOfOutput()
  if (!endsInOrder && plan !== null && (await supervisorIsDead())) await (await preload())(plan)
}

/** The command is gone: whoever reads its output to the end must not wait for the guard. */
function letGoOfOutput(): void {
  for (const descriptor of [0, 1, 2]) {
    closeSync(descriptor)
    // The lowest free number is the one just closed: nothing else may ever get it.
    openSync(devNull, 'r+')
  }
}

/**
 * The pipe also closes if the supervisor closes it by mistake, and a session must not be released under a living
 * holder. A dead parent's children are given to another; that comes right after its files were closed.
 */
async function supervisorIsDead(): Promise<boolean> {
  for (let round = 0; round < 500; round++) {
    if (process.ppid !== supervisorPid) return true
    await new Promise<void>((resolve) => setTimeout(resolve, 2))
  }
  return false
}

// A service manager may signal every process of a service; the guard ends with its supervisor, not before.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE'] as const) {
  process.on(signal, () => undefined)
}
process.title = 'mandate guard'

// Never `once` for errors: whatever is written after the supervisor's death fails, and must not end the guard.
const ended = new Promise<void>((resolve) => {
  for (const event of ['end', 'close', 'error']) pipe.on(event, () => resolve())
})
pipe.setEncoding('utf8').on('data', lineReader(receive))
tell({ type: 'ready' })
void ended.then(supervisorLost).finally(() => process.exit(0))
