/** How far a run is: a bar that is drawn again on a terminal, a line now and then elsewhere. Stderr only. */
import { isatty } from 'node:tty'
import { formatDuration } from '../duration.ts'
import { printError, writeFully } from '../streams.ts'

const barWidth = 24
const redrawMs = 200
const plainMs = 30_000

export class Progress {
  readonly #live = isatty(2) && process.env['TERM'] !== 'dumb'
  readonly #beganAt = performance.now()
  #shownAt: number
  #drawn = false

  constructor() {
    this.#shownAt = this.#beganAt
  }

  /** `part` of 0 to 1; null if nobody knows. */
  show(part: number | null, text: () => string): void {
    const now = performance.now()
    if (now - this.#shownAt < (this.#live ? redrawMs : plainMs)) return
    this.#shownAt = now
    const line = progressLine(part, now - this.#beganAt, text())
    if (!this.#live) return printError(`mandate: ${line}`)
    writeFully(2, `\r\u001b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`)
    this.#drawn = true
  }

  /** Before anything else is printed. */
  clear(): void {
    if (this.#drawn) writeFully(2, '\r\u001b[2K')
    this.#drawn = false
  }
}

export function progressLine(part: number | null, elapsedMs: number, text: string): string {
  if (part === null || part <= 0) return text
  const full = Math.round(Math.min(1, part) * barWidth)
  const leftMs = (elapsedMs * (1 - Math.min(1, part))) / part
  const left = formatDuration(Math.ceil(leftMs / 1000) * 1000)
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${Math.floor(Math.min(1, part) * 100)} % ${text}, ${left} left`
}
