import {
  beat,
  campaign,
  createProposer,
  received,
  type Proposer,
  type ProposerEffect,
} from '../../protocols/paxos/proposer/proposer.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { supportedSince } from '../../protocols/support/holder.ts'
import { expect, type Schedule } from './schedule.ts'
import { acceptors, heartbeatMs, leaseMs, PaxosStage, type AcceptorName } from './stage/paxos-staged.ts'

/** What a proposer may never count. */
export const paxosProposerRules: Schedule = {
  name: 'paxos-proposer-rules',
  claim: 'A proposer counts acceptors, not answers, and only what they still hold (G3, DESIGN §4.3)',
  run() {
    duplicates()
    restartBetweenAcceptAndSupport()
    winsReachAsFarAsTheSession()
    staleDigest()
    tokenStays()
  },
}

class Scene {
  readonly stage = new PaxosStage()
  readonly proposer: Proposer<number> = createProposer<number>({
    session: 'p',
    id: 'p',
    leaseMs,
    configuration: { voters: acceptors },
    heartbeatMs,
    stepMs: 10,
    patience: 100,
    quietMs: 2 * leaseMs,
  })
  readonly effects: ProposerEffect[] = []

  beat(reached: readonly AcceptorName[] = acceptors): void {
    const { now } = this.stage
    this.run(beat(this.proposer, { instant: now, lapsed: false, now }), reached)
  }

  stand(instance: string, reached: readonly AcceptorName[] = acceptors): void {
    const request = { instance, exclusivity: 'time', priority: 0, metadata: {} } as const
    this.run(campaign(this.proposer, request, this.stage.now), reached)
  }

  /** Carries what is sent to those that are reached, and their answers back at once. */
  run(effects: readonly ProposerEffect[], reached: readonly AcceptorName[]): void {
    for (const effect of effects) {
      this.effects.push(effect)
      if (effect.type !== 'send') continue
      for (const name of reached) {
        if (effect.to !== null && effect.to !== name) continue
        const reply = this.stage.ask(name, 'p', effect.request)
        if (reply !== undefined) this.hears(name, reply, reached)
      }
    }
  }

  hears(from: AcceptorName, reply: PaxosReply, reached: readonly AcceptorName[] = []): void {
    this.run(received(this.proposer, from, reply, { now: this.stage.now, lapsed: false }), reached)
  }

  won(instance: string): boolean {
    return this.effects.some((effect) => effect.type === 'won' && effect.instance === instance)
  }

  get since(): number | null {
    return supportedSince(this.proposer.holder)
  }

  proposals(): Extract<PaxosRequest, { type: 'propose' }>[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'send' && effect.request.type === 'propose' ? [effect.request] : [],
    )
  }
}

/** G3: one acceptor's answer comes twice. */
function duplicates(): void {
  const scene = new Scene()
  scene.beat()
  scene.stand('e:x', [])
  for (let copies = 0; copies < 2; copies++) scene.hears('a', { type: 'promise', instance: 'e:x', ballot: 1 })
  expect(scene.proposals().length === 0, 'two copies of one promise pass for a majority')
  scene.hears('b', { type: 'promise', instance: 'e:x', ballot: 1 })
  const accepted = { type: 'accepted', instance: 'e:x', ballot: 1, revision: 0, sequence: 1 } as const
  for (let copies = 0; copies < 2; copies++) scene.hears('a', { ...accepted, life: 1, tie: 1 })
  expect(!scene.won('e:x'), 'two copies of one acceptance pass for a majority')
}

/** b accepted, restarts, and acknowledges the next keepalive as if nothing were; a is cut off. */
function restartBetweenAcceptAndSupport(): void {
  const scene = new Scene()
  scene.beat(['a', 'b'])
  scene.stand('e:x', ['a', 'b'])
  expect(scene.won('e:x'), 'p wins with a and b')
  const since = scene.since
  scene.stage.restart('b')
  scene.stage.now = 300
  // Nothing reaches b but the keepalive, and c has never heard of p's election.
  for (const name of ['b', 'c'] as const) {
    const reply = scene.stage.ask(name, 'p', { type: 'keepalive', sequence: 1, leaseMs })
    if (reply !== undefined) scene.hears(name, reply)
  }
  scene.run(beat(scene.proposer, { instant: 300, lapsed: false, now: 300 }), [])
  for (const name of ['b', 'c'] as const) {
    const reply = scene.stage.ask(name, 'p', { type: 'keepalive', sequence: 2, leaseMs })
    if (reply !== undefined) scene.hears(name, reply)
  }
  expect(scene.since === since, `an acceptor that forgot what it accepted supports it since ${scene.since}`)
}

/** A win must not be told with a deadline that its own acceptors do not reach. */
function winsReachAsFarAsTheSession(): void {
  const scene = new Scene()
  scene.beat()
  scene.stage.now = 100
  // c alone acknowledges the second keepalive; it will not accept.
  scene.run(beat(scene.proposer, { instant: 100, lapsed: false, now: 100 }), ['c'])
  scene.stand('e:x', [])
  for (const name of ['a', 'b'] as const) scene.hears(name, { type: 'promise', instance: 'e:x', ballot: 1 })
  for (const name of ['a', 'b'] as const) {
    const { tie } = scene.stage.acceptor(name).sessions.get('p') ?? { tie: 1 }
    const accepted = { type: 'accepted', instance: 'e:x', ballot: 1, revision: 0 } as const
    scene.hears(name, { ...accepted, sequence: 1, life: 1, tie })
  }
  expect(!scene.won('e:x'), 'p wins with acceptors that heard less than the session counts on')
  const [name, reply] = ['a', scene.stage.ask('a', 'p', { type: 'keepalive', sequence: 2, leaseMs })] as const
  if (reply !== undefined) scene.hears(name, reply)
  expect(!scene.won('e:x'), 'one that heard as much is no majority')
  const other = scene.stage.ask('b', 'p', { type: 'keepalive', sequence: 2, leaseMs })
  if (other !== undefined) scene.hears('b', other)
  expect(scene.won('e:x'), 'p does not win although a and b heard all')
}

/** An acceptance from before the acceptor dropped it arrives after the news that it did. */
function staleDigest(): void {
  const scene = new Scene()
  scene.beat([])
  scene.stand('e:x', [])
  for (const name of ['a', 'b'] as const) scene.hears(name, { type: 'promise', instance: 'e:x', ballot: 1 })
  for (const name of ['a', 'b'] as const)
    scene.hears(name, { type: 'keepalive-ack', sequence: 1, told: 0, life: 1, tie: 2 })
  const accepted = { type: 'accepted', instance: 'e:x', ballot: 1, revision: 0, sequence: 1 } as const
  for (const name of ['a', 'b'] as const) scene.hears(name, { ...accepted, life: 1, tie: 1 })
  expect(!scene.won('e:x'), 'what was accepted under an earlier digest counts')
}

/** DESIGN §4.3: the token is the ballot of the acquisition; later ballots are internal. */
function tokenStays(): void {
  const scene = new Scene()
  scene.beat(['a', 'b'])
  scene.stand('e:x', ['a', 'b'])
  scene.stage.restart('b')
  scene.stage.now = 100
  scene.beat()
  scene.stage.now = 200
  scene.beat()
  const proposals = scene.proposals()
  const ballots = new Set(proposals.map(({ ballot }) => ballot))
  const tokens = new Set(proposals.map(({ owner }) => owner.token))
  expect(ballots.size > 1, 'p proposes again with a higher ballot after b restarted')
  expect(tokens.size === 1, `the token of one leadership changes: ${[...tokens].join(', ')}`)
}
