import { expect, type Schedule } from './schedule.ts'
import { heartbeatMs, instance, leaseMs, longMs, PaxosStage } from './stage/paxos-staged.ts'

/** G8: a restart in order costs no wait, and makes nobody forget anything. */
export const paxosCleanStop: Schedule = {
  name: 'paxos-clean-stop',
  claim:
    'An acceptor that stopped in order knows what it had accepted, and the life after the next one does not (G8)',
  run() {
    ownerStays()
    emptyAtOnce()
    countsOnce()
    unsureStaysUnsure()
    oldPromises()
    silenceFromTheStart()
  },
}

/** p is held by a and b, and c is dead: b restarts, and p goes on. */
function ownerStays(): void {
  const stage = new PaxosStage()
  const ballot = stage.acquire('p', ['a', 'b'], 1)
  stage.stop('b')
  stage.restart('b')
  expect(stage.owner('b') === 'p', 'b forgot p, which counts on it')
  expect(stage.prepare('b', 'q', 2 ** 22)?.type === 'held', 'b says that it is empty, and p owns it')
  expect(stage.propose('b', 'p', ballot)?.type === 'rejected', 'b accepts a ballot of before its restart')
  const higher = stage.acquire('p', ['a', 'b'], ballot + 1)
  expect(higher > ballot, 'p is not accepted again')
}

/** Nobody owns it: whoever asks need not wait for a lease. */
function emptyAtOnce(): void {
  const stage = new PaxosStage()
  const ballot = stage.acquire('p', ['a', 'b'], 1)
  for (const name of ['a', 'b'] as const) {
    stage.ask(name, 'p', { type: 'release', instance, ballot, to: null, stays: false })
    stage.stop(name)
    stage.restart(name)
  }
  stage.acquire('q', ['a', 'b'], 2)
}

/** b stops, starts, accepts q, and dies; what it wrote when it stopped knows nothing of q. */
function countsOnce(): void {
  const stage = new PaxosStage()
  stage.prepare('b', 'p', 1)
  stage.ask('b', 'p', { type: 'keepalive', sequence: 1, leaseMs })
  stage.stop('b')
  stage.restart('b')
  stage.restart('b')
  const answer = stage.prepare('b', 'r', 2 ** 30)
  expect(answer?.type === 'unsure', 'b counts on a record that an earlier life may have outdated')
}

/** b restarts after a crash, does not know what it had accepted, and stops in order. */
function unsureStaysUnsure(): void {
  const stage = new PaxosStage()
  stage.acquire('p', ['a', 'b'], 1)
  stage.restart('b')
  stage.stop('b')
  stage.restart('b')
  expect(stage.prepare('b', 'q', 2 ** 30)?.type === 'unsure', 'b forgot p by stopping in order')
}

/** G1 holds over a stop in order as well. */
function oldPromises(): void {
  const stage = new PaxosStage()
  stage.prepare('b', 'p', 10)
  stage.stop('b')
  stage.restart('b')
  expect(stage.prepare('b', 'q', 5)?.type === 'rejected', 'b promises less than before it stopped')
}

/** p died meanwhile: it is let go of a lease after the start, and not for ever. */
function silenceFromTheStart(): void {
  const stage = new PaxosStage()
  stage.acquire('p', ['a', 'b'], 1)
  stage.stop('b')
  stage.now = 5 * leaseMs
  stage.restart('b')
  const wakes = stage.step('b', {
    type: 'request',
    from: { session: 'q', via: 'a', host: null },
    request: { type: 'keepalive', sequence: 1, leaseMs },
  })
  expect(
    wakes.some(({ type }) => type === 'wake-at'),
    'b never looks whether p is silent',
  )
  stage.now += leaseMs - heartbeatMs
  stage.wake('b')
  expect(stage.owner('b') === 'p', 'b lets go of p, which it may have answered just before it stopped')
  stage.now = 5 * leaseMs + longMs
  stage.wake('b')
  expect(stage.owner('b') === null, 'b keeps what p had for ever')
}
