/** The model of PaxosLease: complete without a violation within small bounds, and planted bugs are found. */
import { describe, expect, it } from 'vitest'
import { stepAcceptor } from '../../protocols/paxos/acceptor/acceptor.ts'
import { received } from '../../protocols/paxos/proposer/proposer.ts'
import { explore, type Exploration } from './explorer.ts'
import { everybody, oneInstant as instant } from './paxos-bounds.ts'
import {
  PaxosModel,
  paxosRules,
  type PaxosBounds,
  type PaxosReductions,
  type PaxosRules,
} from './paxos-model.ts'

function explored(
  bounds: Partial<PaxosBounds>,
  rules: Partial<PaxosRules> = {},
  reductions?: PaxosReductions,
): Exploration {
  const model = new PaxosModel('test', { ...instant, ...bounds }, { ...paxosRules, ...rules }, reductions)
  return explore(model, { now: () => performance.now(), maxStates: 400_000 })
}

type Step = typeof stepAcceptor

/** The acceptor with something done to it after each step. */
function spoiled(spoil: (...step: Parameters<Step>) => void): Step {
  return (...step) => {
    const effects = stepAcceptor(...step)
    spoil(...step)
    return effects
  }
}

describe('the model of Paxos', { timeout: 120_000 }, () => {
  it('is explored to its end, and nobody believes beside another', () => {
    const { complete, counterexample, checked } = explored({ crashes: 1, rounds: [2, 1] })
    expect(counterexample).toBeNull()
    expect(complete).toBe(true)
    expect(checked['exclusivity']).toBeGreaterThan(10_000)
  })

  it('is explored with an acceptor that stops in order, and then with one that dies after that', () => {
    const { complete, counterexample } = explored({ crashes: 2, stops: true, tops: [0, 2 ** 20] })
    expect(counterexample).toBeNull()
    expect(complete).toBe(true)
  })

  it('is explored until a lease has run out and the other one led', () => {
    const { complete, counterexample, checked } = explored({ leaseMs: 1, endsAt: 2, tops: [0, 1] })
    expect(counterexample).toBeNull()
    expect(complete).toBe(true)
    expect(checked['token-unique']).toBeGreaterThan(100)
  })

  it('says the same with states that have the same future told apart, of which there are more', () => {
    const few = explored({ reached: everybody })
    for (const reductions of [
      { symmetric: false, forgetful: true },
      { symmetric: true, forgetful: false },
    ]) {
      const many = explored({ reached: everybody }, {}, reductions)
      expect(many.complete).toBe(true)
      expect(many.counterexample).toBeNull()
      expect(many.states).toBeGreaterThan(few.states)
    }
  })
})

const planted: Readonly<
  Record<
    string,
    {
      readonly rules: Partial<PaxosRules>
      readonly within: Partial<PaxosBounds>
      readonly reductions?: PaxosReductions
    }
  >
> = {
  'a restarted acceptor forgets what it promised (G1, G1b)': {
    rules: { recovered: () => null },
    within: { crashes: 1, tops: [1, 0] },
  },
  'a ballot is promised to anybody': {
    rules: {
      step: spoiled(({ entries }) => {
        for (const entry of entries.values()) Object.assign(entry, { promised: 0, promisedTo: null })
      }),
    },
    within: {},
  },
  'a restarted acceptor says at once that everything is empty': {
    rules: { recovered: (disk) => disk && { ...disk, longestLeaseMs: 0 } },
    within: { crashes: 1, tops: [0, 2 ** 20] },
  },
  'an acceptor lets go of an owner that is silent for no lease yet': {
    rules: {
      step: (acceptor, input, now) => stepAcceptor(acceptor, input, input.type === 'wake' ? now + 10 : now),
    },
    within: { tops: [0, 1] },
  },
  'what an acceptor wrote when it stopped in order tells of no owner': {
    rules: {
      recovered: (disk) =>
        disk && { ...disk, ...(disk.stopped && { stopped: { ...disk.stopped, kept: [] } }) },
    },
    within: { crashes: 1, stops: true, tops: [0, 2 ** 20] },
  },
  'something that comes late shortens a lease (G2)': {
    rules: {
      step: spoiled(({ sessions }, input) => {
        if (input.type !== 'request' || input.request.type !== 'propose') return
        const session = sessions.get(input.from.session)
        if (session !== undefined) session.leaseMs = 0.1
      }),
    },
    within: { leaseMs: 2, endsAt: 1, tops: [0, 1] },
  },
  'a promise that comes twice counts twice (G3)': {
    rules: {
      hear: (proposer, from, reply, moment) => {
        const promised = proposer.campaigns.get('e:x')?.round?.promised
        const isAgain = reply.type === 'promise' && promised?.has(from) === true
        return received(proposer, isAgain ? 'b' : from, reply, moment)
      },
    },
    within: { tops: [0, 1] },
    // Whoever takes letters for dead knows that a second copy is.
    reductions: { symmetric: false, forgetful: false },
  },
}

describe('the exploration of Paxos finds a planted bug', { timeout: 120_000 }, () => {
  for (const [name, { rules, within, reductions }] of Object.entries(planted)) {
    it(`when ${name}`, () => {
      expect(explored(within, rules, reductions).counterexample?.invariant).toBe('exclusivity')
    })
  }
})
