/**
 * The terminal while the live demo has it: the other screen, no cursor, keys as they are pressed. Given back however the
 * process ends, short of a kill -9.
 */
import { writeFully } from '../../streams.ts'
import { leastColumns, leastRows } from './view.ts'

export interface ScreenEvents {
  key(text: string): void
  /** The size changed, or the terminal was another's meanwhile: everything must be drawn again. */
  redraw(): void
  /** Nobody is there to read it any more. */
  closed(): void
}

const enter = '\u001b[?1049h\u001b[?25l\u001b[2J'
const leave = '\u001b[0m\u001b[?25h\u001b[?1049l'

export class Screen {
  readonly #events: ScreenEvents
  #shown: readonly string[] = []
  #open = false

  constructor(events: ScreenEvents) {
    this.#events = events
  }

  get columns(): number {
    return process.stdout.columns ?? 80
  }

  get rows(): number {
    return process.stdout.rows ?? 24
  }

  open(): void {
    this.#open = true
    process.on('exit', this.close)
    // Before anybody prints what went wrong: on the other screen it would be lost.
    process.on('uncaughtExceptionMonitor', this.close)
    process.stdin.setRawMode(true)
    process.stdin.setEncoding('utf8').on('data', this.#key).on('end', this.#events.closed).resume()
    process.stdout.on('resize', this.#restore)
    process.on('SIGCONT', this.#resume)
    this.#write(enter)
  }

  /** Writes only the lines that changed, all at once. */
  show(lines: readonly string[]): void {
    if (!this.#open) return
    const changed = lines
      .map((line, row) => (line === this.#shown[row] ? '' : `\u001b[${row + 1};1H${line}\u001b[K`))
      .join('')
    this.#shown = lines
    if (changed !== '') this.#write(changed)
  }

  /** Idempotent. */
  readonly close = (): void => {
    if (!this.#open) return
    this.#open = false
    process.off('exit', this.close)
    process.off('uncaughtExceptionMonitor', this.close)
    process.off('SIGCONT', this.#resume)
    process.stdout.off('resize', this.#restore)
    process.stdin.off('data', this.#key).off('end', this.#events.closed).pause()
    try {
      process.stdin.setRawMode(false)
    } catch {
      // The terminal went away before us.
    }
    writeFully(1, leave)
  }

  readonly #key = (text: string | Buffer): void => this.#events.key(String(text))

  readonly #restore = (): void => {
    this.#shown = []
    this.#write('\u001b[2J')
    this.#events.redraw()
  }

  /** Somebody stopped us and the shell took the terminal back. */
  readonly #resume = (): void => {
    process.stdin.setRawMode(false)
    process.stdin.setRawMode(true)
    this.#write(enter)
    this.#restore()
  }

  #write(text: string): void {
    if (writeFully(1, text) === 'closed') this.#events.closed()
  }
}

/** What decides between the live form and the plain story. */
export interface Terminal {
  readonly input: { readonly isTTY?: boolean }
  readonly output: { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly env: NodeJS.ProcessEnv
}

/** A terminal on both sides that can move its cursor, is large enough, and whose user does not want plain text. */
export function canGoLive({ input, output, env }: Terminal): boolean {
  if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return false
  if (input.isTTY !== true || output.isTTY !== true) return false
  return (output.columns ?? 0) >= leastColumns && (output.rows ?? 0) >= leastRows
}
