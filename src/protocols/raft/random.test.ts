/** Random schedules against Raft's promises, and planted bugs that the same checks must find. */
import { describe, expect, it } from 'vitest'
import { step } from './step.ts'
import { plantedBugs } from './testing/planted-bugs.ts'
import { RandomWorld } from './testing/random-world.ts'
import { SafetyChecks, SafetyViolation } from './testing/safety-checks.ts'
import type { Step } from './testing/scenario-cluster.ts'

const disturbances = 120
const [minTimeoutMs, maxTimeoutMs] = [150, 300]

interface Outcome {
  readonly leaders: number
  readonly committed: number
  readonly readsAnswered: number
}

/** Safety phase, then a healed cluster that must elect and commit (the second is skipped for mutants). */
function runSeed(seed: number, stepOf: Step, phases: 'safety' | 'safety and liveness'): Outcome {
  const checks = new SafetyChecks<string>()
  const world = new RandomWorld(seed, checks, stepOf)
  for (let count = 0; count < disturbances; count += 1) {
    world.run(world.random.chance(0.1) ? maxTimeoutMs : world.random.between(0, 40))
    world.disturb()
  }
  if (phases === 'safety and liveness') converge(world)
  return { leaders: checks.leaders, committed: checks.committed.length, readsAnswered: checks.readsAnswered }
}

function converge(world: RandomWorld): void {
  world.heal()
  world.run(10 * maxTimeoutMs)
  const leader = world.leader()
  if (leader === undefined)
    throw new SafetyViolation('liveness', `no leader ${10 * maxTimeoutMs} ms after the faults stopped`)
  world.propose(leader)
  world.read(leader)
  world.run(maxTimeoutMs)
  for (const { id, raft } of world.peers.filter((peer) => peer.alive)) {
    const complete = raft.commitIndex === leader.raft.commitIndex && raft.term === leader.raft.term
    const last = leader.raft.log.entries.length
    if (!complete || raft.commitIndex !== last) {
      throw new SafetyViolation(
        'liveness',
        `'${id}' did not converge: commit ${raft.commitIndex} of ${last}, term ${raft.term}`,
      )
    }
  }
  // Once healed, a leader stays: no election without a fault.
  const { term } = leader.raft
  world.run(10 * minTimeoutMs)
  if (leader.raft.term !== term)
    throw new SafetyViolation('liveness', `a healthy cluster went from term ${term} to ${leader.raft.term}`)
}

describe('random schedules', () => {
  it('keep every promise of Raft Figure 3, and elect a lasting leader once faults stop', () => {
    const total = { leaders: 0, committed: 0, readsAnswered: 0 }
    const base = Number(process.env['MANDATE_SEED'] ?? 1)
    const seeds = process.env['MANDATE_SEED'] === undefined ? Number(process.env['MANDATE_SEEDS'] ?? 80) : 1
    for (let seed = base; seed < base + seeds; seed += 1) {
      try {
        const outcome = runSeed(seed, step<string>, 'safety and liveness')
        total.leaders += outcome.leaders
        total.committed += outcome.committed
        total.readsAnswered += outcome.readsAnswered
      } catch (error) {
        throw new Error(
          `seed ${seed} (repeat: MANDATE_SEED=${seed} npx vitest run src/protocols/raft/random.test.ts)`,
          {
            cause: error,
          },
        )
      }
    }
    // A run nothing happened would prove nothing.
    expect(total.leaders).toBeGreaterThan(seeds)
    expect(total.committed).toBeGreaterThan(5 * seeds)
    expect(total.readsAnswered).toBeGreaterThan(0)
  })
})

describe('the checks find a planted bug', () => {
  const enoughSeeds = 100
  for (const [name, mutant] of Object.entries(plantedBugs)) {
    it(`when ${name}`, () => {
      let found: unknown
      for (let seed = 1; seed <= enoughSeeds && found === undefined; seed += 1) {
        try {
          runSeed(seed, mutant, 'safety')
        } catch (error) {
          found = error
        }
      }
      expect(found, `no violation in ${enoughSeeds} seeds`).toBeDefined()
      expect(String(found)).toMatch(/SafetyViolation|invariant/)
    })
  }
})
