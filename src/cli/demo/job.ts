/** The work of a leader in the demo: a line every few milliseconds into a ledger that checks its token. */
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Leadership } from '../../election/leadership.ts'
import { segmentedFile } from '../../fencing/segmented-file.ts'
import type { SegmentWriter } from '../../fencing/segmented-file.ts'
import { monotonicMs } from './protocol.ts'
import type { FromPeer, Validity } from './protocol.ts'

export interface JobOptions {
  /** Of the candidate. */
  readonly id: string
  readonly leadership: Leadership
  /** The ledger's folder. */
  readonly ledger: string
  readonly tell: (event: FromPeer) => void
}

const writeEveryMs = 20
const lookEveryMs = 2
const freezeWaitMaxMs = 10_000

export class Job {
  readonly leadership: Leadership
  readonly #options: JobOptions
  readonly #token: string
  #valid: Validity | null = null
  #hesitateMs: number | undefined

  constructor(options: JobOptions) {
    this.#options = options
    this.leadership = options.leadership
    this.#token = options.leadership.token.toString()
  }

  /** Settles after the leadership has ended. */
  async run(): Promise<void> {
    const { ledger, tell } = this.#options
    const { leadership } = this
    this.#looksValid()
    mkdirSync(ledger, { recursive: true })
    // Only kill -9 is at stake here, so the lines need not reach the disk.
    const opened = await segmentedFile(ledger, { sync: 'never' }).open(leadership.token)
    if (opened.is === 'opened') {
      await this.#write(opened.writer)
      await opened.writer.close()
    } else {
      this.#refused(opened.by)
    }
    const reason = await leadership.lost
    tell({ event: 'lost', token: this.#token, reason, valid: this.#valid })
  }

  /** Before the next line, be frozen for so long between the check and the write. */
  hesitate(token: string, frozenMs: number): void {
    if (token === this.#token) this.#hesitateMs = frozenMs
  }

  /** Until the leadership ends or the ledger refuses. */
  async #write(writer: SegmentWriter): Promise<void> {
    const { id, tell } = this.#options
    const token = this.#token
    while (this.#looksValid()) {
      const frozenMs = this.#hesitateMs
      if (frozenMs !== undefined) {
        this.#hesitateMs = undefined
        // Read first: the signal may strike as soon as the word is out.
        const since = monotonicMs()
        tell({ event: 'checked', token, valid: this.#valid })
        waitUntilFrozen(frozenMs, since)
      }
      const result = await writer.append(`written by ${id}`)
      this.#looksValid()
      switch (result.is) {
        case 'appended':
          tell({ event: 'wrote', token, number: result.number, valid: this.#valid })
          break
        case 'refused':
          this.#refused(result.by)
          return
        case 'unknown':
          tell({ event: 'uncertain', token, by: result.by.toString() })
          return
        default:
          result satisfies never
      }
      await this.#pause()
    }
  }

  /** Looks often: what it finds between two lines counts for the overlap, too. */
  async #pause(): Promise<void> {
    const end = monotonicMs() + writeEveryMs
    while (monotonicMs() < end && this.#looksValid()) {
      await Promise.race([sleep(lookEveryMs), this.leadership.lost])
    }
  }

  #refused(by: bigint): void {
    const believed = this.#looksValid()
    this.#options.tell({ event: 'refused', token: this.#token, by: by.toString(), believed })
  }

  /**
   * From the first time that `isValid()` was found true, taken after that call, until the last one, taken before it:
   * never longer than it truly was.
   */
  #looksValid(): boolean {
    const before = monotonicMs()
    const valid = this.leadership.isValid()
    // After the first look alone this holds nothing (`until` is before `from`), and it counts as nothing.
    if (valid) this.#valid = { from: this.#valid?.from ?? monotonicMs(), until: before }
    return valid
  }
}

/**
 * Stands for a process that is paused at the worst instant, after its check and before its write. Blocks; the signal
 * itself comes from outside, and shows as a hole in the time.
 */
function waitUntilFrozen(frozenMs: number, since: number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  for (let last = since; last - since < freezeWaitMaxMs;) {
    const now = monotonicMs()
    if (now - last >= frozenMs) return
    last = now
    Atomics.wait(cell, 0, 0, 1)
  }
}
