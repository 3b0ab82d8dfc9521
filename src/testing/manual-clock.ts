import type { Clock, Timer } from '../seams/clock.ts'
import { anchor, elapsedSince } from '../system/elapsed.ts'
import type { ClockReadings, ClockStepPolicy } from '../system/elapsed.ts'
import { Heap } from './heap.ts'

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
  /** Fired, or cancelled: it may still lie in a heap. */
  over: boolean
}

interface Machine {
  rate: number
  mode: Mode
  monotonicMs: number
  wallMs: number
  bootMs: number
  /** By the instant when they are due. */
  readonly later: Heap<Task>
  /** Due, by the order in which they run: a machine that was stalled may have many. */
  readonly now: Heap<Task>
  pending: number
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
    later: new Heap<Task>((a, b) => (a.dueMs === b.dueMs ? runsBefore(a, b) : a.dueMs < b.dueMs)),
    now: new Heap<Task>(runsBefore),
    pending: 0,
  }
  timeline.machines.push(machine)
  const read: ClockReadings = {
    monotonicMs: () => machine.monotonicMs,
    wallMs: () => machine.wallMs,
    bootMs: () => machine.bootMs,
  }
  const schedule = (delayMs: number, kind: Task['kind'], run: () => void): Timer => {
    if (Number.isNaN(delayMs)) throw new RangeError('setTimer: the delay is NaN')
    const dueMs = machine.monotonicMs + Math.max(0, delayMs)
    const task: Task = { dueMs, kind, order: timeline.order++, run, over: false }
    machine.later.push(task)
    machine.pending += 1
    return { cancel: () => end(machine, task) }
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
    pendingTimers: () => machine.pending,
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
    const task = firstOf(machine)
    if (task === undefined) continue
    const leftMs = Math.max(0, task.dueMs - machine.monotonicMs)
    const atMs = timeline.trueMs + leftMs / machine.rate
    if (atMs > endMs) continue
    if (first === undefined || atMs < first.atMs) first = { machine, task, atMs }
    else if (atMs === first.atMs && runsBefore(task, first.task)) first = { machine, task, atMs }
  }
  return first
}

function firstOf({ later, now, monotonicMs }: Machine): Task | undefined {
  for (let task = later.top; task !== undefined; task = later.top) {
    if (!task.over && task.dueMs > monotonicMs) break
    later.pop()
    if (!task.over) now.push(task)
  }
  while (now.top?.over === true) now.pop()
  return now.top ?? later.top
}

/** Of two that are due at one instant. */
function runsBefore(a: Task, b: Task): boolean {
  return a.kind === b.kind ? a.order < b.order : a.kind === 'timer'
}

function end(machine: Machine, task: Task): void {
  if (task.over) return
  task.over = true
  machine.pending -= 1
}

function fire(timeline: Timeline, due: Due): void {
  moveTo(timeline, due.atMs)
  // Division and multiplication by the rate may round apart; a timer never fires before its delay by `lower`.
  due.machine.monotonicMs = Math.max(due.machine.monotonicMs, due.task.dueMs)
  end(due.machine, due.task)
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
