/** Parts of a simulated world, for tests of single parts. */
import { Incarnation, Input } from '../incarnation.ts'
import { MachineClock } from '../machine-clock.ts'
import { drainMicrotasks, inMacrotasks } from '../microtasks.ts'
import { Network } from '../network.ts'
import { ProcessClock } from '../process-clock.ts'
import { perfectRoute, type RouteQuality } from '../route.ts'
import { Scheduler } from '../scheduler.ts'
import { Stream } from '../streams.ts'

export interface StageProcess {
  readonly process: Incarnation
  readonly machine: MachineClock
  readonly clock: ProcessClock
  /** Its kernel answers. */
  up: boolean
  readonly name: string
}

export interface Stage {
  readonly scheduler: Scheduler
  readonly network: Network
  /** Fault → how often it struck. */
  readonly struck: Map<string, number>
  readonly told: string[]
  tell(what: string): void
  add(name: string, options?: { readonly rate?: number; readonly tickMs?: number }): StageProcess
  /** Runs `act` as an event in the process, now. */
  inside(process: Incarnation, act: () => void): void
  /** Lets this much true time pass. */
  pass(ms: number): Promise<void>
}

export function stage(quality: Partial<RouteQuality> = {}, coalescing = 0): Stage {
  const struck = new Map<string, number>()
  const told: string[] = []
  const tally = (fault: string): void => void struck.set(fault, (struck.get(fault) ?? 0) + 1)
  const scheduler = new Scheduler(drainMicrotasks ?? (() => undefined), { began: () => undefined })
  const network = new Network({
    scheduler,
    seed: 'stage',
    tally,
    coalescing,
    quality: () => ({ ...perfectRoute, faulty: Object.keys(quality).length > 0, ...quality }),
  })
  let marks = 0
  return {
    scheduler,
    network,
    struck,
    told,
    tell: (what) => void told.push(`${Math.round(scheduler.now)} ${what}`),
    add(name, { rate = 1, tickMs = 0 } = {}) {
      const process = new Incarnation(scheduler, name, 1, ++marks)
      const readings = { rate, tickMs, monotonicMs: 1000, wallMs: 500_000, bootMs: 2000 }
      const machine = new MachineClock(readings, () => scheduler.now)
      const clock = new ProcessClock({
        scheduler,
        machine,
        process,
        onClockStep: 'lose',
        lateMs: 0,
        chance: new Stream(name),
      })
      const added = { process, machine, clock, up: true, name }
      network.add(added)
      return added
    },
    inside: (process, act) => scheduler.put(new Input(process, act), scheduler.now),
    pass(ms) {
      const end = scheduler.now + ms
      return inMacrotasks(() => {
        while (scheduler.step(end));
        return true
      })
    },
  }
}
