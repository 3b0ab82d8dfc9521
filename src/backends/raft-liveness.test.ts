import { describe, expect, it } from 'vitest'
import { RaftLiveness } from './raft-liveness.ts'
import { manualClock } from '../testing/manual-clock.ts'

const heartbeatMs = 100

/** A session of three voters, all of whom answer `lateMs` after a keepalive that may wait, at once otherwise. */
function scene({ beaten = false, lateMs = 90, promptMs = 0 } = {}) {
  const clock = manualClock()
  const sent: { sequence: number; at: number; patient: boolean }[] = []
  const renewed: number[] = []
  const voters = ['a', 'b', 'c']
  const liveness = new RaftLiveness(
    { clock, voters, heartbeatMs, leaseMs: 1000, maxClockDrift: 0.001, tickMs: 1 },
    {
      keepalive: (epoch, sequence, patient) => {
        sent.push({ sequence, at: clock.trueMs(), patient })
        const answer = (): void => {
          for (const voter of voters) {
            liveness.received({
              ...{ type: 'keepalive-ack', session: 's', epoch, sequence },
              ...{ voter, voterIncarnation: 1 },
            })
          }
        }
        const afterMs = patient ? lateMs : promptMs
        if (afterMs !== Infinity) clock.setTimer(afterMs, answer)
      },
      reopen: () => undefined,
      renewed: () => renewed.push(clock.trueMs()),
      beaten: () => beaten,
      forsaken: () => false,
    },
  )
  liveness.opened(1)
  liveness.beat()
  return { clock, liveness, sent, renewed }
}

describe('RaftLiveness', () => {
  it('beats by itself once a heartbeat where nobody beats it', () => {
    const { clock, sent } = scene()
    clock.advance(1000)
    expect(sent.map(({ at }) => at)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
  })

  it('beats with its sponsor where that does, not twice for one beat, and needs no timer', () => {
    const { clock, liveness, sent } = scene({ beaten: true })
    for (let beat = 0; beat < 5; beat++) {
      clock.advance(93)
      liveness.beaten()
      liveness.beaten()
    }
    expect(sent.map(({ at }) => at)).toEqual([0, 93, 186, 279, 372, 465])
    expect(clock.pendingTimers()).toBe(1)
    liveness.stop()
    clock.advance(500)
    liveness.beaten()
    expect(sent).toHaveLength(6)
  })

  it('is in no hurry for answers while nothing is held, but for the first ones and a sample', () => {
    const { clock, sent } = scene()
    clock.advance(3200)
    const prompt = sent.filter(({ patient }) => !patient).map(({ sequence }) => sequence)
    expect(prompt).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 32])
  })

  it('wants its answers at once from the first grant on, and asks then if it waited for one', () => {
    const { clock, liveness, sent, renewed } = scene()
    clock.advance(1950)
    expect(sent.at(-1)).toMatchObject({ at: 1900, patient: true })
    const told = renewed.length
    liveness.holds = true
    expect(sent.at(-1)).toMatchObject({ at: 1950, patient: false })
    clock.advance(0)
    expect(renewed.length).toBe(told + 1)
    clock.advance(1000)
    expect(sent.slice(-10).every(({ patient }) => !patient)).toBe(true)
    liveness.holds = false
    clock.advance(300)
    expect(sent.slice(-2).every(({ patient }) => patient)).toBe(true)
  })

  it('asks no second time for a grant when the last renewal is as young as a hurried one would have made it', () => {
    const { clock, liveness, sent } = scene()
    clock.advance(750)
    const before = sent.length
    for (let grant = 0; grant < 20; grant++) {
      liveness.holds = true
      liveness.holds = false
    }
    expect(sent).toHaveLength(before)
  })

  it('falls silent for more than a lease when no majority has answered for one, and then tries again', () => {
    const { clock, sent } = scene({ lateMs: Infinity, promptMs: Infinity })
    clock.advance(6_000)
    const gaps = sent.slice(1).map(({ at }, index) => at - (sent[index]?.at ?? 0))
    const silences = gaps.filter((gap) => gap > heartbeatMs)
    expect(silences.length).toBeGreaterThanOrEqual(2)
    // The lease with its drift and tick, and time for an arbiter to act on the silence.
    for (const silence of silences) expect(silence).toBeGreaterThan(1002 + 5 * heartbeatMs)
    expect(gaps.indexOf(silences[0] as number)).toBeGreaterThanOrEqual(10)
  })

  it('speaks up at once when the log tells it that the session is open', () => {
    const { clock, liveness, sent } = scene({ lateMs: Infinity, promptMs: Infinity })
    clock.advance(1_500)
    const before = sent.length
    liveness.opened(1)
    clock.advance(heartbeatMs)
    expect(sent).toHaveLength(before + 1)
  })
})
