/** The model of PaxosLease: complete without a violation within small bounds, and planted bugs are found. */
import { expect, it } from 'vitest'
import { stepAcceptor } from '../../protocols/paxos/acceptor/acceptor.ts'
import { explore, type Exploration } from './explorer.ts'
import { PaxosModel, paxosRules, type PaxosBounds, type PaxosRules } from './paxos-model.ts'

const small: PaxosBounds = { keepalives: [0, 0], rounds: [1, 1], crashes: 0, leaseMs: 0.5, endsAt: 0 }

function explored(bounds: Partial<PaxosBounds>, rules: Partial<PaxosRules> = {}): Exploration {
  const model = new PaxosModel('test', { ...small, ...bounds }, { ...paxosRules, ...rules })
  return explore(model, { now: () => performance.now(), maxStates: 400_000 })
}

it('is explored to its end, and nobody believes beside another', () => {
  const { complete, counterexample, checked } = explored({})
  expect(counterexample).toBeNull()
  expect(complete).toBe(true)
  expect(checked['exclusivity']).toBeGreaterThan(10_000)
})

it('finds two owners where a restarted acceptor forgets what it promised', () => {
  const { counterexample } = explored({ crashes: 1 }, { recovered: () => null })
  expect(counterexample?.invariant).toBe('exclusivity')
})

it('finds two owners where a ballot is promised to anybody', () => {
  const { counterexample } = explored(
    {},
    {
      step: (acceptor, input, now) => {
        const effects = stepAcceptor(acceptor, input, now)
        for (const entry of acceptor.entries.values()) {
          entry.promised = 0
          entry.promisedTo = null
        }
        return effects
      },
    },
  )
  expect(counterexample?.invariant).toBe('exclusivity')
})
