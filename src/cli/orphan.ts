/**
 * The command of a guard that died between starting it and saying its pid: about one millisecond, in which nobody else
 * knows whom to kill. On Linux it is found by the token in its environment, which no other leadership has.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { groupGone, signalGroup } from './process-group.ts'

const marks = ['MANDATE_ELECTION', 'MANDATE_ID', 'MANDATE_TOKEN', 'MANDATE_TOKEN_SCOPE'] as const

/** A fork shows its parent's environment until it has become the command: look again for a while. */
const looks = 5
const pauseMs = 20

/** Kills the groups led by processes that carry exactly these four variables; resolves when they are gone. */
export async function killByToken(env: Readonly<Record<string, string>>): Promise<void> {
  if (process.platform !== 'linux') return
  const wanted = marks.map((name) => `${name}=${env[name] ?? ''}`)
  for (let look = 0; look < looks; look++) {
    for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
      if (hasAll(pid, wanted) && signalGroup(pid, 'SIGKILL') === 'sent') await groupGone(pid)
    }
    await new Promise<void>((resolve) => setTimeout(resolve, pauseMs))
  }
}

function hasAll(pid: number, wanted: readonly string[]): boolean {
  try {
    const environment = new Set(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'))
    return wanted.every((pair) => environment.has(pair))
  } catch {
    return false
  }
}
