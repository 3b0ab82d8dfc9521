/**
 * The life of the command under one leadership: started by the guard, kept by each new deadline, stopped in order.
 *
 * The guard kills the command at a deadline that lies `marginMs` before the leadership's own. Before that, at
 * `graceMs + marginMs` before the leadership's end, a leadership that was not renewed is given up here: the command is
 * asked to stop, so that it has its grace and still is dead in time.
 */
import type { LossReason } from '../backends/backend.ts'
import { readClocks, remainingUntil } from './guard-protocol.ts'
import type { FromGuard } from './guard-protocol.ts'
import { KillInstant } from './kill-instant.ts'
import { exitCode, exitCodeOfSignal } from './exit-codes.ts'
import type { TermEnd, TermOptions } from './term-options.ts'

/** After these another may already lead, whatever the deadline says: there is no time for grace. */
const alreadyReplaced: readonly string[] = [
  'transferred',
  'superseded',
  'revoked',
  'health-check',
] satisfies LossReason[]

export class Term {
  readonly #options: TermOptions
  #state: 'starting' | 'running' | 'over' = 'starting'
  /** Why the command is being stopped; undefined while it is wanted. */
  #stopping: { readonly for: 'shutdown' | 'loss' | 'leftover'; readonly signal: NodeJS.Signals } | undefined
  #lossReason: string | undefined
  /** The command's own end. */
  #exit: { readonly exitCode: number; readonly why: string; readonly byItself: boolean } | undefined
  readonly #kill: KillInstant
  #pulse: NodeJS.Timeout | undefined
  #finish: (end: TermEnd) => void = () => undefined

  constructor(options: TermOptions) {
    this.#options = options
    this.#kill = new KillInstant(options.marginMs)
  }

  /** Settles when nobody of the command's group runs any more. */
  async run(): Promise<TermEnd> {
    const { guard, command, leadership } = this.#options
    const ended = new Promise<TermEnd>((resolve) => (this.#finish = resolve))
    guard.attach({
      message: (message) => this.#hear(message),
      lost: (reason) => this.#end({ is: 'guard-lost', reason }),
    })
    if (this.#renew() <= this.#stepDownMs) this.#giveUpUnstarted('too little of the lease was left')
    else if (this.#state === 'starting') {
      guard.send({ type: 'start', command, deadline: this.#kill.at(readClocks()) })
      this.#schedule()
      void leadership.lost.then((reason) => this.#lose(reason))
    }
    const end = await ended
    clearTimeout(this.#pulse)
    guard.detach()
    return end
  }

  /** `run` was asked to stop. */
  stop(signal: NodeJS.Signals): void {
    this.#ask('shutdown', signal === 'SIGTERM' ? this.#options.killSignal : signal, this.#options.graceMs)
  }

  /** The leadership is to be given up, for this reason, once the command has stopped. */
  handOver(reason: LossReason, why?: string): void {
    if (this.#state !== 'over') this.#giveUp(reason, this.#options.graceMs, why)
  }

  forward(signal: NodeJS.Signals): void {
    if (this.#state === 'running') this.#options.guard.send({ type: 'signal', signal })
  }

  hurry(): void {
    this.#grantGrace(0)
  }

  get #stepDownMs(): number {
    return this.#options.graceMs + this.#options.marginMs
  }

  #hear(message: FromGuard): void {
    const { log, leadership, guard } = this.#options
    switch (message.type) {
      case 'started':
        this.#state = 'running'
        log.event({
          event: 'started',
          token: leadership.token,
          msg: `started the command, pid ${message.pid}`,
        })
        // Asked to stop while it was being started: the signal had nobody to go to.
        if (this.#stopping !== undefined) guard.send({ type: 'signal', signal: this.#stopping.signal })
        break
      case 'failed':
        this.#failed(message.code, message.message)
        break
      case 'killed':
        this.#killed()
        break
      case 'exited':
        this.#exited(message)
        break
      case 'gone':
        this.#end(this.#outcome())
        break
      case 'heard':
      case 'ready':
        break
      default:
        message satisfies never
    }
  }

  #failed(code: string, message: string): void {
    if (code === 'LATE') this.#giveUpUnstarted(message)
    else if (code === 'ENOENT')
      this.#end({ is: 'cannot-run', exitCode: exitCode.notFound, why: 'the command was not found' })
    else
      this.#end({
        is: 'cannot-run',
        exitCode: exitCode.cannotRun,
        why: `the command cannot be run: ${message}`,
      })
  }

  #killed(): void {
    const { graceEnd } = this.#kill
    const graceIsOver = graceEnd !== undefined && remainingUntil(graceEnd) <= 0
    const reason = graceIsOver ? 'grace' : 'deadline'
    const why = graceIsOver ? 'it did not stop within its grace' : 'no new deadline came in time'
    const msg = `the guard killed the command: ${why}`
    this.#options.log.event({
      event: 'guard',
      level: 'warn',
      token: this.#options.leadership.token,
      reason,
      msg,
    })
    if (!graceIsOver) this.#giveUp('not renewed in time', 0)
  }

  #exited({ code, signal, leftover }: Extract<FromGuard, { type: 'exited' }>): void {
    const value = signal === null ? (code ?? exitCode.internal) : exitCodeOfSignal(signal)
    const why = signal === null ? `the command exited with ${value}` : `the command was ended by ${signal}`
    this.#exit = { exitCode: value, why, byItself: this.#stopping === undefined }
    const { log, leadership } = this.#options
    log.event({
      event: 'exited',
      token: leadership.token,
      reason: signal ?? undefined,
      exitCode: value,
      msg: why,
    })
    // A shell that ends before its children leaves them behind; they may not outlive the leadership either.
    if (leftover) this.#ask('leftover', this.#options.killSignal, this.#options.graceMs)
  }

  #lose(reason: LossReason): void {
    if (this.#state === 'over') return
    const noTime = this.#options.exclusivity === 'time' && alreadyReplaced.includes(reason)
    this.#giveUp(reason, noTime ? 0 : this.#options.graceMs)
    // It may be given up already, for a failed health check or an operator, with a grace that nobody has any more.
    if (noTime) this.#grantGrace(0)
  }

  #giveUp(reason: string, graceMs: number, why?: string): void {
    if (this.#lossReason !== undefined) return
    this.#tellLoss(reason, why)
    this.#ask('loss', this.#options.killSignal, graceMs)
  }

  #giveUpUnstarted(reason: string): void {
    if (this.#lossReason === undefined) this.#tellLoss(reason)
    this.#end({ is: 'lost', reason: this.#lossReason ?? reason })
  }

  #tellLoss(reason: string, why?: string): void {
    this.#lossReason = reason
    const { log, leadership } = this.#options
    log.lost(leadership.token, reason, why)
  }

  /** Asks the whole group to stop, once, and has it killed when the grace is over. A second reason may shorten the grace. */
  #ask(why: 'shutdown' | 'loss' | 'leftover', signal: NodeJS.Signals, graceMs: number): void {
    if (this.#state === 'over') return
    if (this.#stopping === undefined) {
      const { log, leadership, guard } = this.#options
      const msg = `stopping the command with ${signal} (${why})`
      log.event({ event: 'stopping', token: leadership.token, reason: why, msg })
      if (this.#state === 'running') guard.send({ type: 'signal', signal })
    }
    // The first reason decides what follows; a later one can only shorten the grace.
    this.#stopping ??= { for: why, signal }
    this.#grantGrace(graceMs)
  }

  #grantGrace(graceMs: number): void {
    this.#kill.grant(readClocks(), graceMs)
    this.#sendDeadline()
  }

  /** Reads how much of the lease remains, and returns it. */
  #renew(): number {
    // The clocks first: if this process is paused in between, the deadline comes out too early, never too late.
    const clocks = readClocks()
    const remainingMs = this.#options.leadership.remainingMs()
    this.#kill.renew(clocks, remainingMs)
    return remainingMs
  }

  #sendDeadline(): void {
    this.#options.guard.send({ type: 'deadline', deadline: this.#kill.at(readClocks()) })
  }

  #schedule(): void {
    const { leaseMs, leadership } = this.#options
    if (this.#state === 'over') return
    const everyMs = Math.min(250, Math.max(10, leaseMs / 12))
    const untilStepDownMs = leadership.remainingMs() - this.#stepDownMs
    this.#pulse = setTimeout(
      () => {
        if (this.#state === 'over') return
        const remainingMs = this.#renew()
        if (remainingMs <= this.#stepDownMs) this.#giveUp('not renewed in time', this.#options.graceMs)
        this.#sendDeadline()
        this.#watchGuard()
        this.#schedule()
      },
      this.#stopping === undefined ? Math.max(1, Math.min(everyMs, untilStepDownMs)) : everyMs,
    )
  }

  /** A guard that hangs protects nobody. After a pause of this process its answers are read first: they may wait unread. */
  #watchGuard(): void {
    const { guard, leaseMs } = this.#options
    if (guard.silentMs() <= leaseMs) return
    setImmediate(() => {
      if (guard.silentMs() > leaseMs) guard.kill()
    })
  }

  #outcome(): TermEnd {
    const exit = this.#exit ?? {
      exitCode: exitCode.internal,
      why: 'the command ended unseen',
      byItself: false,
    }
    if (!exit.byItself && this.#stopping?.for === 'loss')
      return { is: 'lost', reason: this.#lossReason ?? 'expired' }
    return { is: 'ended', ...exit }
  }

  #end(end: TermEnd): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#finish(end)
  }
}
