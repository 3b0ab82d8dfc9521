import { describe, expect, it } from 'vitest'
import { NamedTimers } from './timers.ts'
import { manualClock } from '../testing/manual-clock.ts'

function scene() {
  const clock = manualClock()
  let settings = 0
  const timers = new NamedTimers({
    ...clock,
    setTimer: (delayMs, fire) => {
      settings++
      return clock.setTimer(delayMs, fire)
    },
  })
  const fired: string[] = []
  const note = (what: string) => () => void fired.push(`${what} at ${clock.trueMs()}`)
  return { clock, timers, fired, note, settings: () => settings }
}

describe('NamedTimers', () => {
  it('that are put off again and again fire once, when the last one is due, and set few timers for it', () => {
    const { clock, timers, fired, note, settings } = scene()
    for (let beat = 0; beat < 100; beat++) {
      timers.set('election', 500, note(`set ${beat}`))
      clock.advance(10)
    }
    expect(fired).toEqual([])
    expect(settings()).toBeLessThanOrEqual(4)
    clock.advance(1000)
    expect(fired).toEqual(['set 99 at 1490'])
    expect(clock.pendingTimers()).toBe(0)
  })

  it('that are brought forward fire then, and not again', () => {
    const { clock, timers, fired, note } = scene()
    timers.set('a', 500, note('late'))
    timers.set('a', 100, note('early'))
    clock.advance(1000)
    expect(fired).toEqual(['early at 100'])
  })

  it('do not fire once cancelled, also after they were put off, and may be set anew', () => {
    const { clock, timers, fired, note } = scene()
    timers.set('a', 100, note('first'))
    timers.set('a', 200, note('second'))
    timers.cancel('a')
    expect(timers.has('a')).toBe(false)
    expect(clock.pendingTimers()).toBe(0)
    timers.set('a', 300, note('third'))
    clock.advance(1000)
    expect(fired).toEqual(['third at 300'])
    expect(timers.has('a')).toBe(false)
  })

  it('that accuse let everything be read that had arrived, also when they were put off', () => {
    const { clock, timers, fired, note } = scene()
    timers.setAccusation('a', 100, note('too early'))
    clock.advance(50)
    timers.setAccusation('a', 100, note('accused'))
    clock.afterPoll(note('read'))
    clock.advance(100)
    expect(fired).toEqual(['read at 50', 'accused at 150'])
    timers.setAccusation('b', 10, note('b'))
    timers.set('b', 20, note('no accusation'))
    clock.advance(30)
    expect(fired.slice(2)).toEqual(['no accusation at 170'])
  })

  it('are not put off to the end of a poll phase that was asked for before', () => {
    const { clock, timers, fired, note } = scene()
    timers.setAfterPoll('beat', note('after the poll'))
    timers.set('beat', 100, note('later'))
    clock.advance(50)
    expect(fired).toEqual([])
    clock.advance(100)
    expect(fired).toEqual(['later at 100'])
  })

  it('end all at once', () => {
    const { clock, timers, fired, note } = scene()
    timers.set('a', 10, note('a'))
    timers.setAfterPoll('b', note('b'))
    timers.stop()
    timers.set('c', 10, note('c'))
    expect(clock.pendingTimers()).toBe(0)
    clock.advance(100)
    expect(fired).toEqual([])
  })

  it('tell by how much this process was late when they were due, also those that were put off', () => {
    const clock = manualClock()
    const lags: number[] = []
    const timers = new NamedTimers(clock, (lateMs) => void lags.push(lateMs))
    const told: number[] = []
    timers.setAccusation('election', 100, (lateMs) => void told.push(lateMs))
    clock.advance(100)
    expect([lags, told]).toEqual([[0], [0]])
    timers.setAccusation('election', 100, (lateMs) => void told.push(lateMs))
    clock.advance(50)
    timers.setAccusation('election', 100, (lateMs) => void told.push(lateMs))
    // Due at 150 by the first setting, at 200 by the second: the process was late for both.
    clock.stall(170)
    clock.advance(0)
    expect(lags).toEqual([0, 120])
    expect(told).toEqual([0, 120])
  })
})
