/** Everything that happened to the processes of the demo, in order, stamped by one clock on arrival. */
import { closeSync, openSync } from 'node:fs'
import { MandateError } from '../../errors.ts'
import { writeFully } from '../streams.ts'
import { monotonicMs } from './protocol.ts'
import type { FromPeer } from './protocol.ts'

/** What the demo itself does or sees, beside what the peers say. */
type Seen =
  | { readonly event: 'started' }
  | { readonly event: 'told'; readonly command: string }
  | { readonly event: 'signal'; readonly signal: NodeJS.Signals; readonly token: string | null }
  | {
      readonly event: 'exited'
      readonly code: number | null
      readonly signal: NodeJS.Signals | null
      readonly stderr: string
    }

export type Happening = FromPeer | Seen
export type HappeningName = Happening['event']

export type Recorded<Name extends HappeningName = HappeningName> = Extract<
  Happening,
  { readonly event: Name }
> & {
  /** CLOCK_MONOTONIC of the demo, in ms. */
  readonly at: number
  readonly pid: number
  readonly id: string
}

interface Waiter {
  /** True if it was what is waited for, or ends the waiting. */
  take(recorded: Recorded): boolean
}

export class EventLog {
  readonly all: Recorded[] = []
  readonly #waiters = new Set<Waiter>()
  readonly #raw: number | undefined
  readonly #keptMax: number

  /** Keeps at least `keptMax` of the newest events. @throws INVALID_OPTIONS when the file cannot be written */
  constructor(raw: string | undefined, keptMax = Infinity) {
    this.#keptMax = keptMax
    this.#raw = raw === undefined ? undefined : openRaw(raw)
  }

  add(pid: number, id: string, happening: Happening): Recorded {
    const recorded: Recorded = { at: monotonicMs(), pid, id, ...happening }
    this.all.push(recorded)
    if (this.all.length > 2 * this.#keptMax) this.all.splice(0, this.all.length - this.#keptMax)
    for (const waiter of this.#waiters) if (waiter.take(recorded)) this.#waiters.delete(waiter)
    this.#write(recorded)
    return recorded
  }

  of<Name extends HappeningName>(name: Name): Recorded<Name>[] {
    return this.all.filter((recorded): recorded is Recorded<Name> => recorded.event === name)
  }

  /** Calls `take` for what comes from now on, until it says true. */
  follow(take: (recorded: Recorded) => boolean): () => void {
    const waiter = { take }
    this.#waiters.add(waiter)
    return () => this.#waiters.delete(waiter)
  }

  close(): void {
    if (this.#raw !== undefined) closeSync(this.#raw)
  }

  #write({ at, pid, id, event, ...more }: Recorded): void {
    if (this.#raw === undefined) return
    const token = 'token' in more ? more.token : null
    writeFully(this.#raw, `${JSON.stringify({ at, pid, id, event, ...more, token })}\n`)
  }
}

function openRaw(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (error) {
    const message = `--raw: ${path} cannot be written: ${(error as Error).message}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'raw', value: path }, { cause: error })
  }
}
