/** One machine, and the runs of one process on it. */
import { ClockJumps } from './clock-jumps.ts'
import { Disk } from './disk.ts'
import { CLUSTER } from './engines.ts'
import { Incarnation, type SeamCall } from './incarnation.ts'
import type { Judge, Told } from './judge.ts'
import { MachineClock } from './machine-clock.ts'
import type { Host, Network } from './network.ts'
import type { PlaceWorld } from './place.ts'
import type { Plan, ProcessPlan } from './plan.ts'
import { ProcessClock } from './process-clock.ts'
import { Program } from './program.ts'
import type { Scheduler } from './scheduler.ts'
import { Stream } from './streams.ts'
import type { TimerTask } from './process-clock.ts'

export interface MachineOptions {
  readonly plan: Plan
  readonly machine: ProcessPlan
  readonly mark: number
  readonly scheduler: Scheduler
  readonly network: Network
  readonly judge: Judge
  readonly tally: (fault: string) => void
  /** What a place needs, of this run. */
  readonly worldOf: (process: Incarnation) => PlaceWorld
  /** The leaderships of a run that is over. */
  readonly forget: (process: Incarnation) => void
}

/** A program whose peer stopped by itself is started again after so long, in ms. */
const RESTART_MS = [100, 1500] as const

export class Machine implements Host {
  readonly name: string
  readonly clock: MachineClock
  readonly disk: Disk | null
  readonly #options: MachineOptions
  readonly #chance: Stream
  readonly #jumps: ClockJumps
  #up = true
  #asleep = false
  #runs = 0
  #process: Incarnation | null = null
  #program: Program | null = null
  /** Its folder was refused: it stays off. */
  #ruined = false
  /** To be put in the folder's place. */
  #snapshot: ReturnType<Disk['copy']> | null = null
  /** Starts that are under way count only while nothing else happened to the machine. */
  #fate = 0

  constructor(options: MachineOptions) {
    const { plan, machine, scheduler, tally } = options
    this.#options = options
    this.name = machine.name
    this.#jumps = new ClockJumps(3 * plan.timing.leaseMs)
    this.#chance = new Stream(`${plan.seed} machine ${machine.name}`)
    this.clock = new MachineClock(
      {
        rate: machine.clockRate,
        tickMs: machine.clockTickMs,
        monotonicMs: 5_000 + options.mark * 1_000,
        wallMs: 1_700_000_000_000 + machine.wallOffsetMs,
        bootMs: 90_000,
      },
      () => scheduler.now,
    )
    this.disk = machine.isPeer
      ? new Disk({
          scheduler,
          tally,
          chance: new Stream(`${plan.seed} disk ${machine.name}`),
          peer: machine.name,
          cluster: CLUSTER,
          writeMs: machine.writeMs,
        })
      : null
  }

  get up(): boolean {
    return this.#up && !this.#asleep
  }

  get process(): Incarnation | null {
    return this.#process
  }

  get program(): Program | null {
    return this.#process?.alive === true ? this.#program : null
  }

  get ruined(): boolean {
    return this.#ruined
  }

  get runs(): boolean {
    return this.#process?.alive === true
  }

  // ---- life and death -----------------------------------------------------------------------------------------------

  start(): void {
    if (this.runs || this.#ruined || !this.#up) return
    this.#fate++
    const { plan, machine, mark, scheduler, network, judge, tally, worldOf } = this.#options
    const run = ++this.#runs
    const process = (this.#process = new Incarnation(scheduler, this.name, run, mark))
    const clock = new ProcessClock({
      scheduler,
      machine: this.clock,
      process,
      onClockStep: machine.onClockStep,
      lateMs: machine.timerLateMs,
      chance: new Stream(`${plan.seed} timers ${this.name} ${run}`),
    })
    this.tell({ type: 'started' })
    const program = (this.#program = new Program({
      plan,
      machine,
      process,
      clock,
      network,
      disk: this.disk,
      judge,
      world: worldOf(process),
      tally,
      over: (why) => process.act(() => this.#over(process, why)),
    }))
    program.start()
  }

  /** kill -9, or the end of its power. */
  crash(fault: string, backAfterMs: number | null): void {
    if (!this.runs) return
    this.#options.tally(fault)
    this.tell({ type: 'fault', fault })
    this.#end('crashed')
    if (backAfterMs !== null) this.#startAfter(backAfterMs)
  }

  crashAt(call: SeamCall | 'any', count: number, backAfterMs: number | null): void {
    this.#process?.arm(call, count, () => this.crash(`crash at ${call}`, backAfterMs))
  }

  losePower(backAfterMs: number | null): void {
    if (!this.#up) return
    this.#up = false
    if (this.runs) this.crash('power loss', null)
    this.clock.reboot()
    if (backAfterMs === null) return
    const fate = ++this.#fate
    this.#options.scheduler.after(backAfterMs, () => {
      if (this.#fate !== fate) return
      this.#up = true
      this.start()
    })
  }

  stop(backAfterMs: number | null): void {
    const { program } = this
    const process = this.#process
    if (program === null || process === null || process.frozen) return
    this.#options.tally('stop')
    this.tell({ type: 'fault', fault: 'stop' })
    const stopped = (): void => {
      if (!process.alive) return
      this.#end('stopped')
      if (backAfterMs !== null) this.#startAfter(backAfterMs)
    }
    void program.stop().then(() => process.act(stopped))
  }

  #over(process: Incarnation, why: 'failed' | 'refused'): void {
    if (why === 'refused') this.#ruined = true
    // It exits in its own time: not in the middle of what it is doing.
    this.#options.scheduler.after(1, () => {
      if (!process.alive) return
      this.#end('stopped')
      this.#startAfter(this.#chance.between(...RESTART_MS))
    })
  }

  #end(how: 'crashed' | 'stopped'): void {
    const process = this.#process
    if (process === null || !process.alive) return
    this.tell({ type: how })
    this.#options.forget(process)
    process.die()
    this.#program = null
    if (this.#asleep) this.#wake()
  }

  #startAfter(ms: number): void {
    const fate = ++this.#fate
    this.#options.scheduler.after(ms, () => {
      if (this.#fate === fate) this.start()
    })
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  /** As SIGSTOP, or a fault of a page that takes its time: in the middle of an event, before a call of a seam. */
  pauseAt(call: SeamCall | 'any', count: number, forMs: number): void {
    const process = this.#process
    process?.arm(call, count, () => {
      this.#did(`pause at ${call}`)
      process.stopHalfWay(forMs)
      // Whoever counts from when all was well again has to know when it went on.
      process.act(() => this.tell({ type: 'fault', fault: 'goes on' }))
    })
  }

  /** It stands in the middle of an event, and has seen what its clock shows when it goes on: nothing may bend time for it. */
  get #isHalfWay(): boolean {
    return this.#process?.isHalfWay === true
  }

  stall(forMs: number): void {
    if (!this.runs || this.#isHalfWay) return
    this.#did('stall')
    this.#process?.freeze(this.#options.scheduler.now + forMs)
  }

  pause(forMs: number): void {
    if (!this.runs || this.#isHalfWay) return
    this.#did('pause')
    const { scheduler } = this.#options
    this.#process?.freeze(scheduler.now + forMs)
    this.disk?.hold()
    scheduler.after(forMs, () => this.disk?.release())
  }

  suspend(forMs: number): void {
    const { scheduler, machine } = this.#options
    if (!this.runs || this.#asleep || this.#isHalfWay) return
    // With this policy up to 50 ms of sleep are not counted, and the docs say so.
    if (machine.onClockStep === 'ignore') return
    if (!this.#jumps.admits({ at: scheduler.now, ms: forMs, isSleep: true })) return
    this.#did('suspend')
    this.#asleep = true
    this.clock.sleep()
    this.disk?.hold()
    scheduler.after(forMs, () => this.#wake())
    this.#process?.freeze(scheduler.now + forMs)
  }

  #wake(): void {
    if (!this.#asleep) return
    this.#asleep = false
    this.clock.wake()
    this.disk?.release()
  }

  setRate(rate: number): void {
    if (this.#isHalfWay) return
    this.#did('clock rate')
    this.clock.setRate(rate)
    const process = this.#process
    if (process === null) return
    this.#options.scheduler.reschedule(process, (task) =>
      'dueAt' in task ? (task as TimerTask).dueAt() : task.at,
    )
  }

  stepWall(ms: number): void {
    // Nobody sets the clock of a machine that sleeps.
    if (this.#asleep || this.#isHalfWay) return
    if (!this.#jumps.admits({ at: this.#options.scheduler.now, ms, isSleep: false })) return
    this.#did('clock step')
    this.clock.stepWall(ms)
  }

  // ---- disk ---------------------------------------------------------------------------------------------------------

  hangDisk(forMs: number): void {
    if (this.disk === null) return
    this.disk.hold()
    this.#options.scheduler.after(forMs, () => this.disk?.release())
  }

  slowDisk(factor: number, forMs: number): void {
    if (this.disk === null) return
    this.#did('slow disk')
    this.disk.slow(factor)
    this.#options.scheduler.after(forMs, () => this.disk?.release())
  }

  flipBit(): void {
    if (this.disk === null || this.#ruined) return
    this.disk.flip()
    this.tell({ type: 'fault', fault: 'bit flipped' })
    this.crash('crash', 500)
  }

  snapshot(): void {
    this.#snapshot = this.disk?.copy() ?? null
  }

  /**
   * Only what everybody else can notice: a folder of an earlier start than the one that all of them have let in. From then
   * on it is started as often as any other.
   */
  restore(knownToAll: number): void {
    const snapshot = this.#snapshot
    if (this.disk === null || snapshot === null || snapshot.incarnation + 1 > knownToAll || this.#ruined)
      return
    this.crash('crash', null)
    this.#did('older folder restored')
    this.disk.restore(snapshot)
    this.#startAfter(200)
  }

  /** All that was done to it is undone, and it runs. */
  heal(): void {
    this.#up = true
    this.#wake()
    this.disk?.release()
    if (!this.runs) return this.start()
    this.#process?.disarm()
    this.#process?.unfreeze()
  }

  #did(fault: string): void {
    this.#options.tally(fault)
    this.tell({ type: 'fault', fault })
  }

  tell(told: Told): void {
    const process = this.#process
    if (process?.alive !== true && told.type !== 'fault') return
    this.#options.judge.tell(this.#options.scheduler.now, this.name, process?.run ?? 0, told)
  }
}
