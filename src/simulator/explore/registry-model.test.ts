/** The registry model: complete without a violation, and each planted bug is found. */
import { describe, expect, it } from 'vitest'
import { apply } from '../../registry/registry.ts'
import { explore } from './explorer.ts'
import { RegistryModel, type Apply } from './registry-model.ts'

function explored(changed: Apply = apply, entries = 5) {
  return explore(new RegistryModel('test', { sessions: 2, entries }, changed), {
    now: () => performance.now(),
  })
}

const planted: Readonly<Record<string, { readonly bug: Apply; readonly by: string }>> = {
  'a repeated batch is applied again': {
    by: 'batch-once',
    bug: (registry, index, command) => {
      const session = command.type === 'batch' ? registry.sessions.get(command.session) : undefined
      if (session !== undefined && command.type === 'batch' && command.number === session.number)
        session.number -= 1
      return apply(registry, index, command)
    },
  },
  'a grant needs no vacancy': {
    by: 'grant-in-a-vacancy',
    bug: (registry, index, command) => {
      for (const { election: name, session } of command.type === 'grant' ? command.grants : []) {
        const election = registry.elections.get(name)
        if (election?.queue.has(session) === true) election.holder = null
      }
      return apply(registry, index, command)
    },
  },
  'an expiry counts for any epoch': {
    by: 'other-epochs-are-left-alone',
    bug: (registry, index, command) => {
      if (command.type !== 'expire') return apply(registry, index, command)
      const epoch = registry.sessions.get(command.session)?.epoch ?? command.epoch
      return apply(registry, index, { ...command, epoch })
    },
  },
  'a suspicion ends everything': {
    by: 'suspect-spares-time',
    bug: (registry, index, command) =>
      apply(registry, index, command.type === 'suspect' ? { ...command, type: 'expire' } : command),
  },
  'a freed election is not told of': {
    by: 'records-agree',
    bug: (registry, index, command) => apply(registry, index, command).filter(({ type }) => type !== 'freed'),
  },
}

describe('the registry model', { timeout: 120_000 }, () => {
  it('is explored to its end, without a violation, and puts every claim to the test', () => {
    const { complete, counterexample, states, checked } = explored()
    expect(counterexample).toBeNull()
    expect(complete).toBe(true)
    expect(states).toBeGreaterThan(1_000)
    for (const claim of [...Object.values(planted).map(({ by }) => by)])
      expect(checked[claim], claim).toBeGreaterThan(0)
  })

  for (const [name, { bug, by }] of Object.entries(planted)) {
    it(`finds that ${name}`, () => {
      const { counterexample } = explored(bug, 6)
      expect(counterexample?.invariant).toBe(by)
      expect(counterexample?.steps.length).toBeGreaterThan(1)
    })
  }
})
