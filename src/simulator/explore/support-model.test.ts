/** The support model: complete without a violation, and each planted bug is found. */
import { describe, expect, it } from 'vitest'
import { stepVoter } from '../../protocols/support/voter.ts'
import { explore, type Exploration } from './explorer.ts'
import { SupportModel, type SupportBounds } from './support-model.ts'
import { session, supportRules, type SupportRules } from './support-parts.ts'

const small: SupportBounds = {
  epochs: 1,
  keepalives: 1,
  crashes: 0,
  leaseMs: 8,
  tickMs: 0,
  clocks: 'worst',
  symmetric: true,
}

function explored(bounds: Partial<SupportBounds>, rules: Partial<SupportRules> = {}): Exploration {
  const all = { ...small, ...bounds }
  const model = new SupportModel('test', all, { ...supportRules(all.tickMs), ...rules })
  return explore(model, { now: () => performance.now(), maxStates: 2_000_000 })
}

const planted: Readonly<
  Record<string, { readonly rules: Partial<SupportRules>; readonly within?: Partial<SupportBounds> }>
> = {
  'a restarted voter forgets what it withdrew': {
    rules: { recovered: () => [] },
    within: { crashes: 1, leaseMs: 2 },
  },
  'a voter answers before its withdrawal is durable': {
    rules: { gates: false },
    within: { crashes: 1, leaseMs: 2 },
  },
  'a voter goes on acknowledging what it withdrew': {
    rules: {
      step: (voter, input, now) => {
        const effects = stepVoter(voter, input, now)
        voter.withdrawn.clear()
        return effects
      },
    },
  },
  'a voter does not note what it hears': {
    rules: {
      step: (voter, input, now) => {
        const before = voter.sessions.get(session)?.openedAt
        const effects = stepVoter(voter, input, now)
        const open = voter.sessions.get(session)
        if (open !== undefined) Object.assign(open, { heardAt: null, openedAt: before ?? open.openedAt })
        return effects
      },
    },
  },
  'a voter counts no silence at all': {
    rules: {
      step: (voter, input, now) => {
        for (const open of voter.sessions.values())
          Object.assign(open, { openedAt: -Infinity, heardAt: null })
        return stepVoter(voter, input, now)
      },
    },
  },
  'a voter counts the lease without drift': { rules: { voterBounds: { maxClockDrift: 0, tickMs: 0 } } },
  'the holder counts the lease without drift': { rules: { holderBounds: { maxClockDrift: 0, tickMs: 0 } } },
  'the holder counts from the answer': { rules: { counts: 'from the answer' } },
}

describe('the support model', { timeout: 120_000 }, () => {
  it('is explored to its end, without a violation', () => {
    const { complete, counterexample, checked, states } = explored({ leaseMs: 4 })
    expect(counterexample).toBeNull()
    expect(complete).toBe(true)
    expect(states).toBeGreaterThan(1_000)
    for (const [claim, times] of Object.entries(checked)) expect(times, claim).toBeGreaterThan(0)
  })
})

describe('the exploration finds a planted bug', { timeout: 120_000 }, () => {
  for (const [name, { rules, within }] of Object.entries(planted)) {
    it(`when ${name}`, () => {
      const { counterexample } = explored(within ?? {}, rules)
      expect(counterexample?.invariant).toMatch(/is-not-believed/)
    })
  }

  it('and tells it in one set of names, although the search takes alike voters for one another', () => {
    const rules = { counts: 'from the answer' } as const
    const [one, other] = [explored({}, rules), explored({ symmetric: false }, rules)]
    expect(one.counterexample).toEqual(other.counterexample)
  })
})
