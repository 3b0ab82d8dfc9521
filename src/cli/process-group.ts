/**
 * A process group, by the id of the process that led it first.
 *
 * The kernel does not give a pid away while a group of that number has a member, so the id stays safe to signal until
 * the group was seen to be gone; after that nobody may use it again.
 */
import { readFileSync, readdirSync } from 'node:fs'

/** `denied`: there are members, and all of them run as somebody else (sudo, setuid). */
export function signalGroup(pgid: number, signal: NodeJS.Signals | 0): 'sent' | 'gone' | 'denied' {
  try {
    process.kill(-pgid, signal)
    return 'sent'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'denied'
  }
}

/** False when whoever is left is dead, collected or not. */
export function groupRuns(pgid: number): boolean {
  return signalGroup(pgid, 0) !== 'gone' && !onlyZombiesIn(pgid)
}

/** Resolves when no member of the group can run any more. */
export async function groupGone(pgid: number): Promise<void> {
  for (let round = 0; ; round++) {
    if (signalGroup(pgid, 0) === 'gone') return
    // A dead member counts until its parent collects it; in a container whose first process collects nobody that is
    // for ever. A look into /proc is dear, so it waits until it is likely to matter.
    if (round >= 10 && round % 10 === 0 && onlyZombiesIn(pgid)) return
    await new Promise<void>((resolve) => setTimeout(resolve, round < 20 ? 2 : 10))
  }
}

function onlyZombiesIn(pgid: number): boolean {
  if (process.platform !== 'linux') return false
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .every((pid) => !isLiveMember(pid, pgid))
}

/** `pid (comm) state ppid pgrp …`, where comm may hold anything, parentheses too: proc(5). */
function isLiveMember(pid: string, pgid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(group) === pgid && state !== 'Z' && state !== 'X'
  } catch {
    return false
  }
}
