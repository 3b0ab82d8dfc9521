/**
 * The signals of `run`, caught from the first millisecond: before the heavy imports, so that a supervisor that is still
 * starting stops in order too. Imports nothing heavy.
 */

export interface SignalListener {
  /** To be passed on to the command. */
  forward(signal: NodeJS.Signals): void
  /** Asked to stop: by TERM or INT, or by HUP or QUIT while no command runs. Called once. */
  stop(signal: NodeJS.Signals): void
  /** Asked again while a command runs: kill it. */
  hurry(): void
  /** Whether a command runs, or is about to, that a signal can be passed on to. */
  hasCommand(): boolean
}

const stopping = ['SIGTERM', 'SIGINT'] as const
/** These end a waiting `run`; a command may want them for itself (reload, thread dump). */
const endsWaiting = ['SIGHUP', 'SIGQUIT'] as const
const passedOn = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const

/** npm and npx repeat a Ctrl-C that the terminal has already sent to everybody. No finger is that fast. */
const repeatedWithinMs = 50

export class SignalInbox {
  #listener: SignalListener | undefined
  readonly #early: NodeJS.Signals[] = []
  /** Asked again while no command runs: what else there is to do (to resign, to say goodbye) is not waited for. */
  readonly hurried: Promise<void>
  #hurry: () => void = () => undefined
  #stoppedBy: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined

  constructor() {
    this.hurried = new Promise((resolve) => (this.#hurry = resolve))
    for (const signal of [...stopping, ...endsWaiting, ...passedOn])
      process.on(signal, () => this.#receive(signal))
    // A closed stderr must end in an error of the write, not in the supervisor's death.
    process.on('SIGPIPE', () => undefined)
  }

  /** Delivers what came before anybody listened, too. */
  attach(listener: SignalListener): void {
    this.#listener = listener
    for (const signal of this.#early.splice(0)) this.#deliver(signal, listener)
  }

  #receive(signal: NodeJS.Signals): void {
    if (this.#listener === undefined) this.#early.push(signal)
    else this.#deliver(signal, this.#listener)
  }

  #deliver(signal: NodeJS.Signals, listener: SignalListener): void {
    const stops = (stopping as readonly string[]).includes(signal)
    if (!stops && listener.hasCommand()) return listener.forward(signal)
    if (!stops && !(endsWaiting as readonly string[]).includes(signal)) return
    const atMs = performance.now()
    if (this.#stoppedBy === undefined) {
      this.#stoppedBy = { signal, atMs }
      listener.stop(signal)
    } else if (
      stops &&
      (signal !== this.#stoppedBy.signal || atMs - this.#stoppedBy.atMs > repeatedWithinMs)
    ) {
      if (listener.hasCommand()) listener.hurry()
      else this.#hurry()
    }
  }
}
