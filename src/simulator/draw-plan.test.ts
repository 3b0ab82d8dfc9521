import { expect, test } from 'vitest'
import { drawPlan } from './draw-plan.ts'
import type { Action, Plan } from './plan.ts'

const seeds = Array.from({ length: 120 }, (_, index) => String(index))
const kinds = (plan: Plan): Set<Action['type']> => new Set(plan.actions.map(({ type }) => type))

test('a plan is data, the same for the same seed', () => {
  for (const seed of seeds.slice(0, 10)) {
    const plan = drawPlan(seed)
    expect(structuredClone(plan)).toEqual(plan)
    expect(drawPlan(seed)).toEqual(plan)
    expect(JSON.parse(JSON.stringify(plan.actions))).toEqual(plan.actions)
  }
})

test('nothing is broken where nothing may be', () => {
  const plan = drawPlan('1', { faults: ['none'], peers: [5, 5] })
  expect(plan.actions).toEqual([])
  expect(plan.processes.every(({ clockRate }) => clockRate === 1)).toBe(true)
  expect(plan.processes).toHaveLength(5)
})

test('a class of faults brings no others', () => {
  const plans = seeds.map((seed) => drawPlan(seed, { faults: ['clock'], mode: 'safety' }))
  const all = new Set(plans.flatMap((plan) => [...kinds(plan)]))
  expect([...all].toSorted()).toEqual(['clock-rate', 'clock-step', 'suspend'])
})

test('every seed switches some kinds off, and over many seeds all of them come', () => {
  const plans = seeds.map((seed) => drawPlan(seed))
  const all = new Set(plans.flatMap((plan) => [...kinds(plan)]))
  const most = Math.max(...plans.map((plan) => kinds(plan).size))
  expect(most).toBeLessThan(all.size)
  for (const kind of [
    'crash',
    'crash-at',
    'power-loss',
    'stop',
    'stall',
    'pause',
    'suspend',
    'cut',
    'reset',
  ] as const) {
    expect(all).toContain(kind)
  }
  for (const kind of [
    'weather',
    'disk-hang',
    'disk-slow',
    'disk-fail',
    'bit-flip',
    'snapshot',
    'restore',
  ] as const) {
    expect(all).toContain(kind)
  }
  for (const kind of ['campaign', 'lead', 'cancel', 'resign', 'transfer', 'proclaim', 'observe'] as const) {
    expect(all).toContain(kind)
  }
})

test('clocks stay inside the drift that is configured, and reach its ends', () => {
  let extreme = 0
  for (const seed of seeds) {
    const { processes, timing, actions } = drawPlan(seed)
    const rates = processes.map(({ clockRate }) => clockRate)
    for (const action of actions) if (action.type === 'clock-rate') rates.push(action.rate)
    for (const rate of rates) {
      expect(Math.abs(rate - 1)).toBeLessThanOrEqual(timing.maxClockDrift)
      if (Math.abs(rate - 1) > 0.99 * timing.maxClockDrift) extreme++
    }
  }
  expect(extreme).toBeGreaterThan(seeds.length)
})

test('the core is a majority, and loses no data', () => {
  for (const seed of seeds) {
    const { core, processes, actions } = drawPlan(seed)
    const peers = processes.filter(({ isPeer }) => isPeer).length
    expect(core.length).toBeGreaterThan(peers / 2)
    for (const action of actions) {
      if (action.type === 'bit-flip' || action.type === 'restore') expect(core).not.toContain(action.process)
    }
  }
})

test('in liveness mode only what is outside of the core is hurt after the heal', () => {
  for (const seed of seeds) {
    const { core, actions, healAtMs } = drawPlan(seed, { mode: 'liveness' })
    for (const action of actions) {
      if (action.at < healAtMs) continue
      expect(action).toHaveProperty('process')
      expect(core).not.toContain((action as { process: string }).process)
    }
  }
})
