/**
 * Everything that belongs to one life of the command: its process group, and what left the group by setsid() but still
 * carries the leadership's own variables. A group is found by its number everywhere; the others only on Linux, by
 * /proc/PID/environ, and not if they cleared or overwrote their environment, or run as somebody else.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { groupGone, groupRuns, signalGroup } from './process-group.ts'

/** What `run` gives its command, a token or a rank among it: no other leadership has the same values. */
const marks = [
  'MANDATE_ELECTION',
  'MANDATE_ID',
  'MANDATE_TOKEN',
  'MANDATE_TOKEN_SCOPE',
  'MANDATE_RANK',
] as const

type Environment = Readonly<Record<string, string | undefined>>

/** A fork shows its parent's environment until it has become the command: look again for a while. */
const looksForUnborn = 5
const pauseMs = 20

/** The same environment without the marks, for our own processes: inside another `run` its guard must not take them for its command's. */
export function unmarked(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !(marks as readonly string[]).includes(name)),
  )
}

export class Family {
  readonly pgid: number
  readonly #wanted: readonly string[]
  #killed = false
  #late: NodeJS.Timeout | undefined

  constructor(pgid: number, env: Environment) {
    this.pgid = pgid
    this.#wanted = pairs(env)
  }

  get killed(): boolean {
    return this.#killed
  }

  /** The group only: whoever left it hears of the end once the command itself has ended. */
  signalGroup(signal: NodeJS.Signals): void {
    signalGroup(this.pgid, signal)
  }

  signalAll(signal: NodeJS.Signals): void {
    signalGroup(this.pgid, signal)
    this.#signalStrays(signal)
  }

  /** The group at once; strays as soon as the group is gone, or a moment later if it takes long to die. */
  kill(): void {
    this.#killed = true
    signalGroup(this.pgid, 'SIGKILL')
    clearTimeout(this.#late)
    this.#late = setTimeout(() => this.#signalStrays('SIGKILL'), pauseMs).unref()
  }

  alive(): boolean {
    return groupRuns(this.pgid) || marked(this.#wanted).length > 0
  }

  /** Resolves when nobody who can be found runs any more. After `kill()` whoever is found is killed. */
  async gone(): Promise<void> {
    for (;;) {
      await groupGone(this.pgid)
      // Looked for after the group's end: until then a member could have started one more.
      const strays = marked(this.#wanted)
      // A next life of the command, under the same leadership, will carry the same marks.
      if (strays.length === 0) return clearTimeout(this.#late)
      if (this.#killed) signalEach(strays, 'SIGKILL')
      await pause(this.#killed ? 2 : pauseMs)
    }
  }

  #signalStrays(signal: NodeJS.Signals): void {
    signalEach(marked(this.#wanted), signal)
  }
}

/** A command whose pid nobody knows, because its guard died in the millisecond between starting it and saying so. */
export async function killUnborn(env: Environment): Promise<void> {
  const wanted = pairs(env)
  for (let look = 0; look < looksForUnborn; look++) {
    for (const pid of marked(wanted)) {
      if (signalGroup(pid, 'SIGKILL') === 'sent') await groupGone(pid)
      else signalEach([pid], 'SIGKILL')
    }
    await pause(pauseMs)
  }
}

function pairs(env: Environment): readonly string[] {
  return marks.flatMap((name) => (env[name] === undefined ? [] : [`${name}=${env[name]}`]))
}

function marked(wanted: readonly string[]): readonly number[] {
  // Fewer are no leadership's: they would fit others, or everybody.
  if (process.platform !== 'linux' || wanted.length < 3) return []
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && hasAll(pid, wanted))
}

function hasAll(pid: number, wanted: readonly string[]): boolean {
  try {
    // Dead and not collected: the file is empty then, so it does not count.
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8')
    if (text === '') return false
    const environment = new Set(text.split('\0'))
    return wanted.every((pair) => environment.has(pair))
  } catch {
    return false
  }
}

function signalEach(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // Gone since it was found.
    }
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}
