// The three detectors on the same signs of life, one each 100 ms, in five kinds of weather: what a silence must last to be
// suspicious, and how often a live peer is suspected (Chen's detection time and mistake rate). Part of bench:detection.
import { ewmaDetector } from '../dist/protocols/detector/ewma.js'
import { fixedDetector } from '../dist/protocols/detector/fixed.js'
import { phiDetector } from '../dist/protocols/detector/phi.js'
import { Stream } from '../dist/simulator/streams.js'

const everyMs = 100
const beats = 100_000
const bounds = { leastMs: everyMs, mostMs: 2000 }

const detectors = {
  'fixed, 250 ms': () => fixedDetector(250),
  'fixed, 500 ms': () => fixedDetector(500),
  EWMA: () => ewmaDetector(bounds),
  phi: () => phiDetector({ ...bounds, minDeviationMs: everyMs / 10 }),
}

/** How late a beat arrives, in ms; null: never. */
const weathers = {
  quiet: (chance) => chance.between(0, 2),
  uneven: (chance) => Math.abs(normal(chance)) * 40,
  'one in ten lost': (chance) => (chance.chance(0.1) ? null : chance.between(0, 2)),
  'pauses of 100-400 ms, one in 200': (chance) =>
    chance.between(0, 2) + (chance.chance(0.005) ? chance.between(100, 400) : 0),
  'a route that changes every minute': (chance, beat) =>
    chance.between(0, 2) + (Math.floor(beat / 600) % 2) * 150,
}

function normal(chance) {
  return Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next())
}

/** A lane is in order: what is late delays what is behind it. */
function arrivals(weather, seed) {
  const chance = new Stream(`${seed} detectors`)
  const times = []
  let last = 0
  for (let beat = 0; beat < beats; beat++) {
    const lateMs = weather(chance, beat)
    if (lateMs === null) continue
    last = Math.max(last, beat * everyMs + lateMs)
    times.push(last)
  }
  return times
}

export function compareDetectors(seed) {
  return Object.entries(weathers).map(([weather, late]) => {
    const times = arrivals(late, seed)
    return {
      weather,
      detectors: Object.entries(detectors).map(([detector, make]) => ({ detector, ...judge(make(), times) })),
    }
  })
}

function judge(detector, times) {
  let mistakes = 0
  let silenceMs = 0
  let suspiciousMs = Infinity
  let before = null
  for (const at of times) {
    if (before !== null && at - before > suspiciousMs) mistakes += 1
    detector.heard(at)
    suspiciousMs = detector.silenceMs
    silenceMs += suspiciousMs
    before = at
  }
  return { silenceMs: silenceMs / times.length, mistakesPerHour: (mistakes * 3_600_000) / (beats * everyMs) }
}
