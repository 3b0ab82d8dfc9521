/** The Raft model: complete without a violation, and each planted bug is found. */
import { describe, expect, it } from 'vitest'
import { plantedBugs } from '../../protocols/raft/testing/planted-bugs.ts'
import { step } from '../../protocols/raft/step.ts'
import { explore, type Exploration } from './explorer.ts'
import { RaftModel, type RaftBounds } from './raft-model.ts'
import type { Step } from './raft-process.ts'

const small: RaftBounds = {
  peers: 3,
  terms: 1,
  preVotes: 'granted',
  timeouts: 15,
  disk: 'slow',
  crashes: 1,
  proposals: 0,
  heartbeats: 0,
  evidence: 0,
  transfers: 0,
}

function explored(bounds: Partial<RaftBounds>, changed: Step = step): Exploration {
  const model = new RaftModel('test', { ...small, ...bounds }, changed)
  return explore(model, { now: () => performance.now(), maxStates: 2_000_000 })
}

describe('the Raft model', { timeout: 120_000 }, () => {
  it('is explored to its end, without a violation, and puts every claim to the test', () => {
    const { complete, counterexample, states, depth, checked } = explored({})
    expect(counterexample).toBeNull()
    expect(complete).toBe(true)
    expect(states).toBeGreaterThan(5_000)
    expect(depth).toBeGreaterThan(10)
    for (const claim of [
      'election-safety',
      'one-vote-a-term',
      'log-matching',
      'durable-before-told',
      'state-machine-safety',
      'committed-on-majority',
      'applied-in-order',
      'terms-never-fall',
    ]) {
      expect(checked[claim], claim).toBeGreaterThan(0)
    }
  })

  it('covers pre-votes as they are asked, evidence and transfers, within a few timeouts', () => {
    const asked = { preVotes: 'asked', disk: 'prompt', crashes: 0, timeouts: 3, terms: 2 } as const
    expect(explored(asked)).toMatchObject({ complete: true, counterexample: null })
    expect(explored({ ...asked, timeouts: 2, evidence: 1 })).toMatchObject({ complete: true })
  })

  it('says that it is not complete when it is stopped', () => {
    const model = new RaftModel('test', small)
    expect(explore(model, { now: () => 0, maxStates: 100 })).toMatchObject({
      complete: false,
      counterexample: null,
    })
  })
})

/** In which bounds each is found, and by which claim. */
const bounds: Readonly<Record<string, { readonly within: Partial<RaftBounds>; readonly by: RegExp }>> = {
  'replies leave before the disk has them (skiff)': { within: {}, by: /durable-before-told/ },
  'a voter forgets its vote (tinyraft)': { within: { crashes: 0 }, by: /one-vote-a-term/ },
  'the log of a candidate is not compared': {
    within: { disk: 'prompt', terms: 2, crashes: 0 },
    by: /leader-completeness|core-assertion|state-machine/,
  },
  'a write counts as durable as soon as it is asked for': {
    within: {},
    by: /durable-before-told|committed-on-majority/,
  },
  'a refusal counts as an acknowledgement': {
    within: { disk: 'prompt', terms: 2, crashes: 0 },
    by: /committed-on-majority|core-assertion/,
  },
}

describe('the exploration finds a planted bug', { timeout: 120_000 }, () => {
  for (const [name, { within, by }] of Object.entries(bounds)) {
    it(`when ${name}`, () => {
      const { counterexample } = explored(within, plantedBugs[name])
      expect(counterexample?.invariant).toMatch(by)
      expect(counterexample?.steps.length).toBeGreaterThan(1)
    })
  }

  it('when a peer stands in its own term again: two votes of one voter', () => {
    const again: Step = (raft, input) => {
      const effects = step(raft, input)
      if (raft.role.name === 'candidate' && raft.term > 1) raft.term = 1
      return effects
    }
    expect(explored({ terms: 2 }, again).counterexample).not.toBeNull()
  })

  it('in as few steps as possible: one timeout, and a message that leaves too early', () => {
    const { counterexample } = explored({}, plantedBugs['replies leave before the disk has them (skiff)'])
    expect(
      counterexample?.steps.filter(({ text }) => !text.startsWith('  ')).map(({ text }) => text),
    ).toEqual(['timer election'])
  })
})
