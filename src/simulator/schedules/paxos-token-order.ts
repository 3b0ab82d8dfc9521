import { campaign } from '../../protocols/paxos/proposer/proposer.ts'
import { expect, type Schedule } from './schedule.ts'
import { PaxosScene } from './stage/paxos-scene.ts'
import { acceptors, heartbeatMs, instance, leaseMs, type AcceptorName } from './stage/paxos-staged.ts'

/** Whoever comes back after another one has led goes on with nothing: its token is below what the others have seen. */
export const paxosTokenOrder: Schedule = {
  name: 'paxos-token-order',
  claim:
    'A leadership that another one followed does not come back, however short that one was (S2, DESIGN §2)',
  run() {
    takenForDead()
    takenForDead('a', 'b')
    answersReadAfterTheDeadline()
    timerReadAfterTheDeadline()
  },
}

/** Nothing of p is heard from now on, and it hears nothing. */
function isolate(scene: PaxosScene, session: string): void {
  for (const name of acceptors) {
    scene.cuts.add(`${session}>${name}`)
    scene.cuts.add(`${name}>${session}`)
  }
}

function leads(scene: PaxosScene, session: string, exclusivity: 'time' | 'token'): number {
  const request = { instance, exclusivity, priority: 0, metadata: {} } as const
  scene.run(session, campaign(scene.proposer(session), request, scene.stage.now))
  scene.until(() => scene.holds(session), `${session} leads`)
  return scene.proposer(session).campaigns.get(instance)?.token ?? 0
}

/** Token mode, within p's lease; `stopped`: acceptors that stop in order meanwhile, and start again. */
function takenForDead(...stopped: readonly AcceptorName[]): void {
  const scene = new PaxosScene()
  scene.join('p', 'q')
  const first = leads(scene, 'p', 'token')
  scene.pass(heartbeatMs)
  isolate(scene, 'p')
  expect(leads(scene, 'q', 'token') > first, 'q leads with a lower token than p')
  scene.leave('q')
  scene.pass(1)
  for (const name of stopped) {
    scene.stage.stop(name)
    scene.stage.restart(name)
    // What another acceptor knows does not help.
    scene.cuts.add('c')
  }
  for (const name of acceptors) for (const way of [`p>${name}`, `${name}>p`]) scene.cuts.delete(way)
  scene.pass(leaseMs / 2)
  expect(!scene.holds('p'), 'p leads on with the token of before q')
  expect(scene.did('p', 'lost'), 'p is not told that it lost')
}

/** p stands still over its deadline, and reads what was answered before it looks at its clock. */
function answersReadAfterTheDeadline(): void {
  const scene = new PaxosScene()
  scene.join('p', 'q')
  leads(scene, 'p', 'time')
  const { proposer } = scene.players.get('p') ?? {}
  scene.players.delete('p')
  leads(scene, 'q', 'time')
  scene.leave('q')
  scene.pass(1)
  if (proposer !== undefined) scene.players.set('p', { proposer, effects: [], alarms: new Map() })
  const tie = scene.stage.acceptor('a').ties + 1
  scene.hears('p', 'a', { type: 'keepalive-ack', sequence: 1, told: 0, life: 1, tie })
  expect(scene.requests('p', 'propose').length === 0, 'p proposes again what ran out while it stood still')
  expect(!scene.holds('p'), 'p goes on with what ran out while it stood still')
}

/** The same, and a timer comes first. */
function timerReadAfterTheDeadline(): void {
  const scene = new PaxosScene()
  scene.join('p')
  leads(scene, 'p', 'time')
  isolate(scene, 'p')
  const { proposer } = scene.players.get('p') ?? {}
  scene.players.delete('p')
  scene.pass(2 * leaseMs)
  if (proposer !== undefined) scene.players.set('p', { proposer, effects: [], alarms: new Map() })
  scene.wakes('p')
  expect(!scene.holds('p'), 'p goes on with what ran out while it stood still, because a timer was late')
}
