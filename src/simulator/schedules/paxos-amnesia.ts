import { expect, type Schedule } from './schedule.ts'
import { longMs, PaxosStage } from './stage/paxos-staged.ts'

/**
 * G1 and G1b: what was promised before a restart, and a proposal from then, reach the time after it. The literal paper
 * waits out accepted leases and forgets promises: both end in two owners.
 */
export const paxosAmnesia: Schedule = {
  name: 'paxos-amnesia',
  claim:
    'An answer or a proposal from before an acceptor restarted takes nothing from who owns it now (G1, G1b)',
  run() {
    oldPromise()
    ghostProposal()
    const tokens = tokensRise()
    expect(tokens[0] < tokens[1], `token ${tokens[1]} follows ${tokens[0]} over a restart of all (G4)`)
  },
}

/** q is promised 10 by b, and the answer is late; b restarts; p acquires; q uses the answer. */
function oldPromise(): void {
  const stage = new PaxosStage()
  expect(stage.prepare('b', 'q', 10)?.type === 'promise', 'b promises 10 to q')
  stage.restart('b')
  stage.now = longMs
  stage.acquire('p', ['a', 'b'], 5)
  expect(stage.prepare('c', 'q', 10)?.type === 'promise', 'c promises 10 to q')
  stage.propose('b', 'q', 10)
  stage.propose('c', 'q', 10)
  expect(
    stage.supporters('p') >= 2 && stage.supporters('q') < 2,
    'p and q own it, one of them by an old promise',
  )
}

/** A proposal of 97 is still on its way to b when b restarts and accepts r. */
function ghostProposal(): void {
  const stage = new PaxosStage()
  for (const name of ['a', 'b'] as const) stage.prepare(name, 'p', 97)
  stage.restart('b')
  stage.restart('a')
  stage.now = longMs
  stage.acquire('r', ['a', 'b'], 94)
  stage.propose('b', 'p', 97, { leaseMs: 10 })
  expect(stage.owner('b') === 'r', 'a ghost of p overwrites what b accepted of r')
}

function tokensRise(): [number, number] {
  const stage = new PaxosStage()
  const first = stage.acquire('p', ['a', 'b'], 50)
  for (const name of ['a', 'b', 'c'] as const) stage.restart(name)
  stage.now = longMs
  return [first, stage.acquire('q', ['b', 'c'], 1)]
}
