import { readFile } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import type { SystemTime } from './clock.ts'

/** Readings and timers set by hand; `turn` runs one round of immediates. */
function fakeTime() {
  const timeouts: { fire: () => void; delayMs: number }[] = []
  let immediates: (() => void)[] = []
  let bootReads = 0
  const at = { monotonicMs: 1_000, wallMs: 500_000, bootMs: 20_000 }
  const time: SystemTime = {
    monotonicMs: () => at.monotonicMs,
    wallMs: () => at.wallMs,
    bootMs: () => {
      bootReads++
      return at.bootMs
    },
    setTimeout: (fire, delayMs) => timeouts.push({ fire, delayMs }),
    clearTimeout: (handle) => timeouts.splice(Number(handle) - 1, 1),
    setImmediate: (run) => immediates.push(run),
    clearImmediate: () => (immediates = []),
  }
  const pass = (ms: number) => {
    at.monotonicMs += ms
    at.wallMs += ms
    at.bootMs += ms
  }
  const turn = () => {
    const due = immediates
    immediates = []
    for (const run of due) run()
  }
  return { at, time, timeouts, pass, turn, bootReads: () => bootReads }
}

describe('elapsedMs', () => {
  it('reads only the two cheap clocks while they agree', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    const since = clock.upper()
    const reads = fake.bootReads()
    fake.pass(123)
    fake.at.wallMs += 40
    expect(clock.elapsedMs(since)).toBe(163)
    expect(fake.bootReads()).toBe(reads)
  })

  it.each(['lose', 'ignore'] as const)('is infinite after a suspend, with onClockStep %s', (onClockStep) => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time, onClockStep })
    const since = clock.upper()
    fake.at.wallMs += 60_000
    fake.at.bootMs += 60_000
    expect(clock.elapsedMs(since)).toBe(Number.POSITIVE_INFINITY)
  })

  it('follows the policy after a forward clock step', () => {
    const fake = fakeTime()
    const losing = systemClock({ time: fake.time })
    const ignoring = systemClock({ time: fake.time, onClockStep: 'ignore' })
    const since = losing.upper()
    fake.pass(10)
    fake.at.wallMs += 60_000
    // Steps of the boot clock are no sleep.
    fake.at.bootMs += 20
    expect(losing.elapsedMs(since)).toBe(Number.POSITIVE_INFINITY)
    expect(ignoring.elapsedMs(since)).toBe(10)
  })

  it('is infinite after a suspend that a larger backward step of the wall clock would hide', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    const since = clock.upper()
    fake.at.wallMs += 1_000 - 5_000
    fake.at.bootMs += 1_000
    expect(clock.elapsedMs(since)).toBe(Number.POSITIVE_INFINITY)
  })

  it('after a backward clock step counts by boot time, and a step of it more', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    const ignoring = systemClock({ time: fake.time, onClockStep: 'ignore' })
    const since = clock.upper()
    fake.pass(10)
    fake.at.wallMs -= 3_600_000
    expect(clock.elapsedMs(since)).toBe(20)
    expect(ignoring.elapsedMs(since)).toBe(10)
  })

  it('counts a suspend that is too short for certainty, also behind a backward clock step', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    const since = clock.upper()
    fake.pass(100)
    fake.at.wallMs -= 5_000
    fake.at.wallMs += 17
    // Of 17 ms boot time may show 10, if it moves in steps.
    fake.at.bootMs += 10
    expect(clock.elapsedMs(since)).toBeGreaterThanOrEqual(117)
  })

  it('sees a suspend that falls between the reads of the anchor', () => {
    const fake = fakeTime()
    let asleep = false
    const time: SystemTime = {
      ...fake.time,
      wallMs: () => {
        const wallMs = fake.at.wallMs
        if (!asleep) {
          asleep = true
          fake.at.wallMs += 60_000
          fake.at.bootMs += 60_000
        }
        return wallMs
      },
    }
    const clock = systemClock({ time, onClockStep: 'ignore' })
    expect(clock.elapsedMs(clock.upper())).toBe(Number.POSITIVE_INFINITY)
  })

  it('reads boot time once for many anchors, and again after a suspend or a step, which each anchor counts from', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    for (let beat = 0; beat < 1000; beat++) {
      fake.pass(100)
      clock.upper()
    }
    expect(fake.bootReads()).toBe(1)
    fake.at.wallMs += 60_000
    fake.at.bootMs += 60_000
    const awake = clock.upper()
    expect(fake.bootReads()).toBe(2)
    fake.pass(10)
    expect(clock.elapsedMs(awake)).toBe(10)
    fake.at.wallMs -= 5_000
    clock.upper()
    expect(fake.bootReads()).toBe(3)
  })

  it('sees a suspend since an anchor whose boot time was not read', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time, onClockStep: 'ignore' })
    clock.upper()
    fake.pass(10_000)
    const since = clock.upper()
    expect(fake.bootReads()).toBe(1)
    fake.pass(10)
    fake.at.wallMs += 200
    fake.at.bootMs += 200
    expect(clock.elapsedMs(since)).toBe(Number.POSITIVE_INFINITY)
  })

  it('takes no step for a suspend with an anchor whose boot time was not read', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time, onClockStep: 'ignore' })
    clock.upper()
    fake.pass(10_000)
    const since = clock.upper()
    fake.pass(10)
    fake.at.wallMs += 60_000
    expect(clock.elapsedMs(since)).toBe(10)
  })

  it('takes a long preemption between its two reads for none of these', () => {
    const fake = fakeTime()
    let preempts = false
    const time: SystemTime = {
      ...fake.time,
      wallMs: () => {
        const wallMs = fake.at.wallMs
        if (preempts) fake.pass(80)
        // The wall clock shows whole ms, and may be one ahead of the monotonic one by that.
        return wallMs + 1
      },
    }
    const clock = systemClock({ time })
    const since = { monotonicMs: 1_000, wallMs: 500_000, bootMs: 20_000 }
    preempts = true
    // It looks like a step back, so a step of boot time is added; nothing is lost.
    expect(clock.elapsedMs(since)).toBe(90)
  })

  it('takes the anchor again when it was preempted between the reads', () => {
    const fake = fakeTime()
    let preempted = false
    const time: SystemTime = {
      ...fake.time,
      wallMs: () => {
        const wallMs = fake.at.wallMs
        if (!preempted) fake.pass(200)
        preempted = true
        return wallMs
      },
    }
    const clock = systemClock({ time })
    expect(clock.elapsedMs(clock.upper())).toBe(0)
  })

  it('reads the real clocks without a jump between them', () => {
    const clock = systemClock()
    const since = clock.upper()
    const elapsed = clock.elapsedMs(since)
    expect(elapsed).toBeGreaterThanOrEqual(0)
    expect(Number.isFinite(elapsed)).toBe(true)
  })

  it('lower() ignores the wall clock', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    const before = clock.lower()
    fake.at.wallMs += 60_000
    fake.at.bootMs += 60_000
    expect(clock.lower()).toBe(before)
  })
})

describe('setTimer', () => {
  it('waits for the rest when it fires early', () => {
    const fake = fakeTime()
    let fired = 0
    systemClock({ time: fake.time }).setTimer(100.5, () => fired++)
    expect(fake.timeouts[0]?.delayMs).toBe(101)
    fake.pass(99.9)
    fake.timeouts[0]?.fire()
    expect(fired).toBe(0)
    expect(fake.timeouts[1]?.delayMs).toBe(1)
    fake.pass(1)
    fake.timeouts[1]?.fire()
    expect(fired).toBe(1)
    expect(fake.timeouts).toHaveLength(2)
  })

  it('reaches delays that setTimeout cannot hold', () => {
    const fake = fakeTime()
    let fired = 0
    const month = 2 ** 31 + 5_000
    systemClock({ time: fake.time }).setTimer(month, () => fired++)
    expect(fake.timeouts[0]?.delayMs).toBe(2 ** 31 - 1)
    fake.pass(2 ** 31 - 1)
    fake.timeouts[0]?.fire()
    expect(fired).toBe(0)
    fake.pass(5_001)
    fake.timeouts[1]?.fire()
    expect(fired).toBe(1)
  })

  it('cancels what was armed last', () => {
    const fake = fakeTime()
    const timer = systemClock({ time: fake.time }).setTimer(10, () => undefined)
    fake.timeouts[0]?.fire()
    expect(fake.timeouts).toHaveLength(2)
    timer.cancel()
    expect(fake.timeouts).toHaveLength(1)
  })

  it('refuses a delay that is no number, and fires a negative one as soon as possible', () => {
    const fake = fakeTime()
    const clock = systemClock({ time: fake.time })
    expect(() => clock.setTimer(Number.NaN, () => undefined)).toThrow('NaN')
    clock.setTimer(-5, () => undefined)
    expect(fake.timeouts[0]?.delayMs).toBe(0)
  })
})

describe('afterPoll', () => {
  it('can be cancelled in both of its halves', () => {
    for (const turns of [0, 1]) {
      const fake = fakeTime()
      let ran = false
      const timer = systemClock({ time: fake.time }).afterPoll(() => (ran = true))
      for (let turn = 0; turn < turns; turn++) fake.turn()
      timer.cancel()
      fake.turn()
      fake.turn()
      expect(ran).toBe(false)
    }
  })

  /** Calls `start` from inside each kind of callback the event loop knows. */
  const phases: Record<string, (start: () => void) => void> = {
    'a timer': (start) => void setTimeout(start, 1),
    'an I/O callback': (start) => readFile(import.meta.filename, () => start()),
    'an immediate': (start) => void setImmediate(start),
    'a microtask of a timer': (start) => void setTimeout(() => void Promise.resolve().then(start), 1),
  }
  const links: { close(): void }[] = []
  afterEach(() => {
    for (const link of links.splice(0)) link.close()
  })

  it.each(Object.entries(phases))(
    'runs after all data that reached this process during a stall in %s',
    async (_name, enterPhase) => {
      const pairs = await Promise.all(Array.from({ length: 10 }, () => socketPair(links)))
      for (let round = 0; round < 5; round++) {
        let heard = 0
        for (const { reader } of pairs) reader.on('data', () => heard++)
        const heardAtOnce = await new Promise<readonly [atOnce: number, afterPoll: number]>((resolve) => {
          enterPhase(() => {
            // The writes go straight into the kernel; the readers of this process cannot run during the stall.
            for (const { writer } of pairs) writer.write('frame')
            block(10)
            const atOnce = heard
            systemClock().afterPoll(() => resolve([atOnce, heard]))
          })
        })
        expect(heardAtOnce).toEqual([0, pairs.length])
        for (const { reader } of pairs) reader.removeAllListeners('data')
      }
    },
  )
})

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

async function socketPair(links: { close(): void }[]): Promise<{ reader: Socket; writer: Socket }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const writer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const reader = await accepted
  await new Promise<void>((resolve) => (writer.connecting ? writer.once('connect', resolve) : resolve()))
  links.push({
    close: () => {
      writer.destroy()
      reader.destroy()
      server.close()
    },
  })
  return { reader, writer }
}
