import type { Clock, Timer } from '../seams/clock.ts'
import { anchor, elapsedSince } from '../system/elapsed.ts'
import type { ClockReadings, ClockStepPolicy } from '../system/elapsed.ts'

export interface ManualClockOptions {
  /** How many ms this clock counts in one ms of true time. @default 1 */
  readonly rate?: number
  /** Where the wall clock starts, in ms since 1970. @default 1700000000000 */
  readonly wallMs?: number
  /** @default 'lose' */
  readonly onClockStep?: ClockStepPolicy
}

/**
 * A clock that moves only when told to. Clocks made with `sibling` share one true time, each at its own rate: what
 * advances one advances all, and their timers fire in the order of true time, then of creation.
 */
export interface ManualClock extends Clock {
  /** Counts per ms of true time; may be changed while it runs. */
  rate: number
  /** True time since the first clock was made, in ms. Not readable by the code under test. */
  trueMs(): number
  /** Another machine's clock on the same true time. */
  sibling(options?: ManualClockOptions): ManualClock
  /** Lets `ms` of true time pass and fires what is due, in order; microtasks do not run in between. */
  advance(ms: number): void
  /** As `advance`, letting all microtasks run before, between and after the timers. */
  advanceAsync(ms: number): Promise<void>
  /** This machine sleeps for `ms`: boot and wall time pass, monotonic time and its timers do not; siblings run. */
  suspend(ms: number): void
  suspendAsync(ms: number): Promise<void>
  /** This process does not run for `ms` (blocked event loop, SIGSTOP): its clocks run, its timers fire late. */
  stall(ms: number): void
  stallAsync(ms: number): Promise<void>
  /** Sets the wall clock forward, or backward if negative. */
  stepWall(ms: number): void
  /** Timers and polls of this clock that have neither fired nor been cancelled. */
  pendingTimers(): number
}

type Mode = 'running' | 'stalled' | 'suspended'

interface Task {
  /** By this machine's monotonic clock. */
  readonly dueMs: number
  /** Polls run after every timer that is due at the same instant. */
  readonly kind: 'timer' | 'poll'
  readonly order: number
  readonly run: () => void
}

interface Machine {
  rate: number
  mode: Mode
  monotonicMs: number
  wallMs: number
  bootMs: number
  readonly tasks: Set<Task>
}

/** One true time and the machines that live in it. */
interface Timeline {
  trueMs: number
  order: number
  advancing: boolean
  readonly machines: Machine[]
}

interface Due {
  readonly machine: Machine
  readonly task: Task
  readonly atMs: number
}

const FIRST_WALL_MS = 1_700_000_000_000

/** Captured at import, so that fake timers of a test framework cannot hang `advanceAsync`. */
const immediate = setImmediate

export function manualClock(options: ManualClockOptions = {}): ManualClock {
  return clockOn({ trueMs: 0, order: 0, advancing: false, machines: [] }, options)
}

function clockOn(timeline: Timeline, options: ManualClockOptions): ManualClock {
  const { rate = 1, wallMs = FIRST_WALL_MS, onClockStep = 'lose' } = options
  // Different origins, so that a reading of one clock can never pass for one of another.
  const machine: Machine = {
    rate,
    mode: 'running',
    monotonicMs: 5_000,
    wallMs,
    bootMs: 90_000,
    tasks: new Set(),
  }
  timeline.machines.push(machine)
  const read: ClockReadings = {
    monotonicMs: () => machine.monotonicMs,
    wallMs: () => machine.wallMs,
    bootMs: () => machine.bootMs,
  }
  const schedule = (delayMs: number, kind: Task['kind'], run: () => void): Timer => {
    if (Number.isNaN(delayMs)) throw new RangeError('setTimer: the delay is NaN')
    const task = { dueMs: machine.monotonicMs + Math.max(0, delayMs), kind, order: timeline.order++, run }
    machine.tasks.add(task)
    return { cancel: () => void machine.tasks.delete(task) }
  }
  const during = (mode: Mode, ms: number): void => {
    machine.mode = mode
    try {
      advance(timeline, ms)
    } finally {
      machine.mode = 'running'
    }
  }
  const duringAsync = async (mode: Mode, ms: number): Promise<void> => {
    machine.mode = mode
    try {
      await advanceAsync(timeline, ms)
    } finally {
      machine.mode = 'running'
    }
  }
  return {
    upper: () => anchor(read),
    elapsedMs: (since) => elapsedSince(read, since, onClockStep),
    lower: () => machine.monotonicMs,
    wallMs: () => machine.wallMs,
    setTimer: (delayMs, fire) => schedule(delayMs, 'timer', fire),
    afterPoll: (run) => schedule(0, 'poll', run),
    get rate() {
      return machine.rate
    },
    set rate(value) {
      machine.rate = value
    },
    trueMs: () => timeline.trueMs,
    sibling: (other = {}) => clockOn(timeline, other),
    advance: (ms) => advance(timeline, ms),
    advanceAsync: (ms) => advanceAsync(timeline, ms),
    suspend: (ms) => during('suspended', ms),
    suspendAsync: (ms) => duringAsync('suspended', ms),
    stall: (ms) => during('stalled', ms),
    stallAsync: (ms) => duringAsync('stalled', ms),
    stepWall: (ms) => {
      machine.wallMs += ms
    },
    pendingTimers: () => machine.tasks.size,
  }
}

function advance(timeline: Timeline, ms: number): void {
  const endMs = enter(timeline, ms)
  try {
    for (let due = earliest(timeline, endMs); due !== undefined; due = earliest(timeline, endMs)) {
      fire(timeline, due)
    }
    moveTo(timeline, endMs)
  } finally {
    timeline.advancing = false
  }
}

async function advanceAsync(timeline: Timeline, ms: number): Promise<void> {
  const endMs = enter(timeline, ms)
  try {
    await microtasks()
    for (let due = earliest(timeline, endMs); due !== undefined; due = earliest(timeline, endMs)) {
      fire(timeline, due)
      await microtasks()
    }
    moveTo(timeline, endMs)
  } finally {
    timeline.advancing = false
  }
}

function enter(timeline: Timeline, ms: number): number {
  if (!(ms >= 0) || ms === Number.POSITIVE_INFINITY) throw new RangeError(`cannot advance by ${ms} ms`)
  if (timeline.advancing) throw new Error('this clock is already advancing: await advanceAsync, do not nest')
  timeline.advancing = true
  return timeline.trueMs + ms
}

/** A whole turn of the event loop: every microtask, and those that they queue, has run. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => immediate(resolve))
}

function earliest(timeline: Timeline, endMs: number): Due | undefined {
  let first: Due | undefined
  for (const machine of timeline.machines) {
    if (machine.mode !== 'running') continue
    for (const task of machine.tasks) {
      const leftMs = Math.max(0, task.dueMs - machine.monotonicMs)
      const due = { machine, task, atMs: timeline.trueMs + leftMs / machine.rate }
      if (due.atMs <= endMs && (first === undefined || before(due, first))) first = due
    }
  }
  return first
}

function before(a: Due, b: Due): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs
  if (a.task.kind !== b.task.kind) return a.task.kind === 'timer'
  return a.task.order < b.task.order
}

function fire(timeline: Timeline, due: Due): void {
  moveTo(timeline, due.atMs)
  // Division and multiplication by the rate may round apart; a timer never fires before its delay by `lower`.
  due.machine.monotonicMs = Math.max(due.machine.monotonicMs, due.task.dueMs)
  due.machine.tasks.delete(due.task)
  due.task.run()
}

function moveTo(timeline: Timeline, atMs: number): void {
  const passedMs = atMs - timeline.trueMs
  timeline.trueMs = atMs
  for (const machine of timeline.machines) {
    const countedMs = passedMs * machine.rate
    if (machine.mode !== 'suspended') machine.monotonicMs += countedMs
    machine.wallMs += countedMs
    machine.bootMs += countedMs
  }
}
