import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../testing/seeded-random.ts'
import { beatsNeeded, LinkQuality } from './link-quality.ts'
import { PulseTuner, type Pulse } from './pulse.ts'

const options = { followers: ['b', 'c'], beatMs: 93.75, leastSilenceMs: 100, mostSilenceMs: 500 }

interface Weather {
  readonly roundTripMs: (peer: string, round: number) => number
  /** Whether this round's beat or its answer is lost. */
  readonly lost?: (peer: string, round: number) => boolean
  readonly lagMs?: (round: number) => number
}

/** A leader that beats as it is told, in this weather; answers come in their time. */
class Stage {
  readonly tuner = new PulseTuner(options)
  now = 0
  round = 0
  /** The silence that each follower found suspicious before this beat, if it answered of late. */
  reliedOn: readonly number[] = []
  readonly #believes = new Map<string, number>()
  readonly #answeredAt = new Map<string, number>()
  readonly #coming: { readonly at: number; readonly peer: string; readonly round: number }[] = []
  pulse: Pulse = { intervalMs: options.beatMs, promises: new Map() }

  beat({ roundTripMs, lost = () => false, lagMs = () => 0 }: Weather): Pulse {
    this.round += 1
    this.reliedOn = [...this.#believes]
      .filter(([peer]) => this.now - (this.#answeredAt.get(peer) ?? -Infinity) <= options.mostSilenceMs)
      .map(([, silenceMs]) => silenceMs)
    this.pulse = this.tuner.next(this.round, this.now, lagMs(this.round))
    for (const peer of options.followers) {
      this.tuner.sent(peer, this.round, this.now)
      if (lost(peer, this.round)) continue
      const at = this.now + roundTripMs(peer, this.round)
      this.#coming.push({ at, peer, round: this.round })
      const silenceMs = this.pulse.promises.get(peer)?.silenceMs ?? options.mostSilenceMs
      this.#believes.set(peer, silenceMs)
    }
    const next = this.now + this.pulse.intervalMs
    this.#coming.sort((left, right) => left.at - right.at)
    while ((this.#coming[0]?.at ?? Infinity) <= next) {
      const { at, peer, round } = this.#coming.shift() ?? { at: 0, peer: '', round: 0 }
      this.tuner.answered(peer, round, at)
      this.#answeredAt.set(peer, at)
    }
    this.now = next
    return this.pulse
  }

  beats(count: number, weather: Weather): Pulse {
    for (let beat = 0; beat < count; beat++) this.beat(weather)
    return this.pulse
  }
}

const lan: Weather = { roundTripMs: () => 1 }

describe('the pulse of a tuned leader', () => {
  it('is the ordinary one until enough is measured', () => {
    const stage = new Stage()
    const pulse = stage.beats(10, lan)
    expect(pulse.intervalMs).toBe(options.beatMs)
    expect(pulse.promises.size).toBe(0)
  })

  it('on a LAN is so fast that three beats fit the least silence', () => {
    const pulse = new Stage().beats(100, lan)
    expect(pulse.intervalMs).toBeCloseTo(options.beatMs / 3, 9)
    for (const peer of options.followers) {
      expect(pulse.promises.get(peer)?.silenceMs).toBeGreaterThanOrEqual(options.leastSilenceMs)
      expect(pulse.promises.get(peer)?.silenceMs).toBeLessThan(options.leastSilenceMs + 5)
    }
  })

  it('follows the round trip and its deviation up, and gives up where it would be slower than untuned', () => {
    const far = new Stage().beats(200, { roundTripMs: (_, round) => 150 + 20 * (round % 2) })
    const silence = far.promises.get('b')?.silenceMs ?? 0
    expect(silence).toBeGreaterThan(160 + 4 * 5)
    expect(silence).toBeLessThan(500)
    const further = new Stage().beats(200, { roundTripMs: () => 600 })
    expect(further).toEqual({ intervalMs: options.beatMs, promises: new Map() })
  })

  it('beats faster where beats are lost, so that enough of them come through', () => {
    const chance = chanceOf(3)
    const pulse = new Stage().beats(2000, { roundTripMs: () => 1, lost: () => chance() < 0.1 })
    const { intervalMs, silenceMs } = pulse.promises.get('b') ?? { intervalMs: 0, silenceMs: 0 }
    // Of as many beats as fit a silence all are lost once in a million: at 10 % six of them.
    expect(Math.floor(silenceMs / intervalMs)).toBeGreaterThanOrEqual(5)
    expect(pulse.intervalMs).toBeLessThan(options.beatMs / 3)
  })

  it('tells every follower a longer silence while the leader itself is late', () => {
    const stage = new Stage()
    const calm = stage.beats(100, lan).promises.get('b')?.silenceMs ?? 0
    const late = stage.beats(1, { ...lan, lagMs: () => 80 }).promises.get('b')?.silenceMs ?? 0
    expect(late).toBeCloseTo(calm + 80, 0)
  })

  it('promises nothing to who does not answer', () => {
    const stage = new Stage()
    stage.beats(100, lan)
    const pulse = stage.beats(60, { ...lan, lost: (peer) => peer === 'b' })
    expect([...pulse.promises.keys()]).toEqual(['c'])
    // Back again, it is known only after as many round trips as a new one.
    const links = stage.beats(9, lan).promises
    expect([...links.keys()]).toEqual(['c'])
  })

  it('slows down when the longer silence was heard, and no sooner', () => {
    const stage = new Stage()
    stage.beats(100, lan)
    // b hears nothing more; c's link gets slow, so that all could be told more.
    const fast = stage.pulse.intervalMs
    let beats = 0
    const slow: Weather = { roundTripMs: (peer) => (peer === 'c' ? 300 : 1), lost: (peer) => peer === 'b' }
    while (stage.beat(slow).intervalMs === fast && beats < 100) beats += 1
    // Not before b counts as gone: it relies on nothing any more.
    expect(beats * fast).toBeGreaterThan(options.mostSilenceMs - fast)
    expect(beats).toBeLessThan(100)
  })

  it('whatever the weather: never outside the bounds, and as many beats fit a silence as were promised', () => {
    const weather = fc.record({
      base: fc.double({ min: 0.1, max: 400, noNaN: true }),
      jitter: fc.double({ min: 0, max: 200, noNaN: true }),
      loss: fc.double({ min: 0, max: 0.6, noNaN: true }),
      lag: fc.double({ min: 0, max: 300, noNaN: true }),
      beats: fc.integer({ min: 1, max: 120 }),
    })
    fc.assert(
      fc.property(fc.array(weather, { minLength: 1, maxLength: 6 }), fc.nat(), (days, seed) => {
        const chance = chanceOf(seed + 1)
        const stage = new Stage()
        for (const { base, jitter, loss, lag, beats } of days) {
          for (let beat = 0; beat < beats; beat++) {
            const pulse = stage.beat({
              roundTripMs: () => base + jitter * chance(),
              lost: () => chance() < loss,
              lagMs: () => lag,
            })
            expect(pulse.intervalMs).toBeLessThanOrEqual(options.beatMs)
            expect(pulse.intervalMs).toBeGreaterThanOrEqual(options.beatMs / 8)
            // A whole part, or the duties that ride on every ordinary beat would miss it.
            expect(options.beatMs / pulse.intervalMs).toBeCloseTo(
              Math.round(options.beatMs / pulse.intervalMs),
              9,
            )
            for (const { intervalMs, silenceMs } of pulse.promises.values()) {
              expect(silenceMs).toBeGreaterThanOrEqual(options.leastSilenceMs)
              expect(silenceMs).toBeLessThan(options.mostSilenceMs)
              expect(silenceMs).toBeGreaterThanOrEqual(3 * intervalMs)
              // The next beat comes no later than what is told.
              expect(pulse.intervalMs).toBeLessThanOrEqual(intervalMs)
            }
          }
        }
      }),
      { numRuns: 15 },
    )
  })

  it('never goes beyond what the followers that answer were told, whatever is lost', () => {
    const day = fc.record({
      base: fc.double({ min: 0.1, max: 400, noNaN: true }),
      loss: fc.double({ min: 0, max: 0.5, noNaN: true }),
      beats: fc.integer({ min: 1, max: 120 }),
    })
    fc.assert(
      fc.property(fc.array(day, { minLength: 1, maxLength: 6 }), fc.nat(), (days, seed) => {
        const chance = chanceOf(seed + 1)
        const stage = new Stage()
        for (const { base, loss, beats } of days) {
          for (let beat = 0; beat < beats; beat++) {
            stage.beat({ roundTripMs: () => base, lost: () => chance() < loss })
            // Three beats fit what it finds suspicious, whatever it heard last.
            for (const silenceMs of stage.reliedOn)
              expect(3 * stage.pulse.intervalMs).toBeLessThanOrEqual(silenceMs + 1e-9)
          }
        }
      }),
      { numRuns: 15 },
    )
  })
})

describe('the quality of a link', () => {
  it('measures round trips of rounds that were sent once and answered in order', () => {
    const link = new LinkQuality()
    link.sent(1, 0)
    link.answered(1, 10)
    link.sent(2, 20)
    link.sent(2, 25)
    link.answered(2, 30)
    link.sent(3, 40)
    link.answered(3, 60)
    link.answered(3, 100)
    link.answered(1, 100)
    expect(link.samples).toBe(2)
    expect(link.roundTripMs).toBeCloseTo(10 + 10 / 8, 9)
  })

  it('counts what later answers overtook as lost, and forgets it', () => {
    const link = new LinkQuality()
    const chance = chanceOf(11)
    for (let round = 1; round <= 5000; round++) {
      link.sent(round, round)
      if (chance() >= 0.2) link.answered(round, round + 0.5)
    }
    expect(link.loss).toBeGreaterThan(0.1)
    expect(link.loss).toBeLessThan(0.3)
    for (let round = 5001; round <= 6000; round++) {
      link.sent(round, round)
      link.answered(round, round + 0.5)
    }
    expect(link.loss).toBeLessThan(0.001)
  })

  it('takes who was away for away, not for a bad link', () => {
    const link = new LinkQuality()
    for (let round = 1; round <= 200; round++) link.sent(round, round)
    link.answered(1, 1.5)
    link.answered(200, 200.5)
    expect(link.loss).toBe(0)
    // Only the one that brought it back.
    expect(link.samples).toBe(1)
    expect(link.answeredRound).toBe(200)
  })
})

describe('beatsNeeded', () => {
  it('is the least number of which all are lost no more often than wanted', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.99, noNaN: true }), (loss) => {
        const beats = beatsNeeded(loss, 1e-6, 1, 1e6)
        expect(loss ** beats).toBeLessThanOrEqual(1e-6 * (1 + 1e-9))
        if (beats > 1) expect(loss ** (beats - 1)).toBeGreaterThan(1e-6 * (1 - 1e-9))
      }),
    )
  })

  it('keeps to its bounds where nothing, or everything, is lost', () => {
    expect(beatsNeeded(0, 1e-6, 3, 10)).toBe(3)
    expect(beatsNeeded(1, 1e-6, 3, 10)).toBe(10)
    expect(beatsNeeded(0.9, 1e-6, 3, 10)).toBe(10)
  })
})

/** The same in every run. */
function chanceOf(seed: number): () => number {
  const random = seededRandom(seed)
  return () => random.next()
}
