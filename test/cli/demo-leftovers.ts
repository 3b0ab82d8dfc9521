/** What a demo has started and left behind: known by the temporary folder that all of it shares. */
import { readdirSync, readFileSync } from 'node:fs'
import { isRunning, until } from './processes.ts'

/** Linux only: elsewhere the folder must serve as evidence. */
export function processesOfTheDemo(temporary: string): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => isRunning(pid) && environmentOf(pid).includes(`TMPDIR=${temporary}\0`))
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}

export function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

export async function nothingStays(temporary: string): Promise<void> {
  const left = (): string => [...processesOfTheDemo(temporary), ...readdirSync(temporary)].join(' ')
  await until(() => left() === '', 'the end of everything that the demo started', left)
}
