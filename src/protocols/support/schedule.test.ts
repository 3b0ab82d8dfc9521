/**
 * The schedule that random seeds miss (DESIGN §4.1): five voters, x and u withdraw, x restarts having forgotten it and
 * acknowledges again, y withdraws. Told twice: with the records of x, and as it would end without them.
 */
import { expect, it } from 'vitest'
import { holderValidityMs, grantorSilenceMs } from '../../lease/deadline.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
  supportedSince,
} from './holder.ts'
import type { KeepaliveAck, KeepaliveRefusal, Withdrawal } from './types.ts'
import { createVoter, stepVoter, type Voter } from './voter.ts'
import { createWithdrawals, withdrawalResult, withdrew } from './withdrawals.ts'

const bounds = { maxClockDrift: 0.001, tickMs: 1 }
const leaseMs = 1_000
const configuration = { voters: ['u', 'v', 'w', 'x', 'y'] }

/** All clocks agree here: what goes wrong needs no drift. */
class Scene {
  readonly holder = createHolder<number>({ configuration, epoch: 1 })
  readonly withdrawals = createWithdrawals()
  readonly voters = new Map<string, Voter>()
  readonly disks = new Map<string, Withdrawal[]>()
  readonly refusals: KeepaliveRefusal[] = []
  epoch = 1

  constructor() {
    for (const name of configuration.voters) {
      this.disks.set(name, [])
      this.start(name, 0, [])
    }
  }

  start(name: string, now: number, withdrawals: readonly Withdrawal[]): void {
    const voter = createVoter({ self: name, incarnation: now, bounds, startedAt: now, withdrawals })
    this.voters.set(name, voter)
    for (let epoch = 1; epoch <= this.epoch; epoch += 1) {
      stepVoter(voter, { type: 'opened', session: 's', epoch, leaseMs }, now)
    }
  }

  keepalive(now: number, reached: readonly string[]): void {
    const sequence = this.holder.lastSequence + 1
    sent(this.holder, sequence, now)
    const keepalive = { type: 'keepalive', session: 's', epoch: this.holder.epoch, sequence } as const
    for (const name of reached) {
      for (const effect of stepVoter(
        this.voter(name),
        { type: 'keepalive', from: 'sponsor', keepalive },
        now,
      )) {
        if (effect.type === 'send') this.deliver(effect.message as KeepaliveAck | KeepaliveRefusal)
      }
    }
  }

  deliver(message: KeepaliveAck | KeepaliveRefusal): void {
    if (message.type === 'keepalive-ack') acknowledged(this.holder, message)
    else {
      refused(this.holder, message)
      this.refusals.push(message)
    }
  }

  /** Asked by an arbiter and woken when it is due; true if it agreed. */
  withdraws(name: string, now: number): boolean {
    const request = { type: 'withdraw-request', session: 's', epoch: this.epoch } as const
    const voter = this.voter(name)
    const effects = stepVoter(voter, { type: 'withdraw-request', from: 'arbiter', request }, now)
    effects.push(...stepVoter(voter, { type: 'wake' }, now))
    let agreed = false
    for (const effect of effects) {
      if (effect.type === 'persist') this.disks.get(name)?.push(effect.withdrawal)
      if (effect.type !== 'send' || effect.message.type !== 'withdraw-answer') continue
      withdrew(this.withdrawals, effect.message)
      agreed = true
    }
    return agreed
  }

  reopen(now: number): void {
    this.epoch += 1
    for (const voter of this.voters.values()) {
      stepVoter(voter, { type: 'opened', session: 's', epoch: this.epoch, leaseMs }, now)
    }
    reopened(this.holder, this.epoch)
  }

  voter(name: string): Voter {
    const voter = this.voters.get(name)
    if (voter === undefined) throw new Error(`no voter ${name}`)
    return voter
  }

  get mayExpire(): boolean {
    return withdrawalResult(this.withdrawals, configuration, 's', this.epoch) === 'won'
  }

  get deadline(): number {
    return (supportedSince(this.holder) ?? -Infinity) + holderValidityMs(leaseMs, bounds)
  }
}

const silent = grantorSilenceMs(leaseMs, bounds)

function play(recovered: (disk: readonly Withdrawal[]) => readonly Withdrawal[]): Scene {
  const scene = new Scene()
  scene.keepalive(0, ['u', 'v', 'w', 'x', 'y'])
  // From here on only v and w are reached, and y by nobody.
  for (let now = 100; now <= silent; now += 100) scene.keepalive(now, ['v', 'w'])
  expect(scene.withdraws('x', silent)).toBe(true)
  expect(scene.withdraws('u', silent)).toBe(true)
  scene.start('x', silent + 1, recovered(scene.disks.get('x') ?? []))
  scene.keepalive(silent + 2, ['v', 'w', 'x'])
  expect(scene.withdraws('y', silent + 3)).toBe(true)
  return scene
}

it('is safe, because x restarts with what it wrote before it answered', () => {
  const scene = play((disk) => disk)
  expect(scene.refusals).toMatchObject([{ voter: 'x', epoch: 1, reason: 'withdrawn' }])
  expect(scene.mayExpire).toBe(true)
  expect(scene.deadline).toBeLessThan(silent + 3)
})

it('would be split brain without that record: expired by a majority, yet supported by another', () => {
  const scene = play(() => [])
  expect(scene.refusals).toEqual([])
  expect(scene.mayExpire).toBe(true)
  expect(scene.deadline).toBeGreaterThan(silent + 3)
})

it('ends well for the holder if it reopens while a majority supports it (A5)', () => {
  const scene = new Scene()
  scene.keepalive(0, ['u', 'v', 'w', 'x', 'y'])
  for (let now = 100; now <= silent; now += 100) scene.keepalive(now, ['v', 'w', 'y'])
  expect(scene.withdraws('x', silent)).toBe(true)
  expect(scene.withdraws('y', silent)).toBe(false)
  scene.keepalive(silent + 1, ['v', 'w', 'x', 'y'])
  expect(isEndangered(scene.holder)).toBe(true)
  const before = scene.deadline
  scene.reopen(silent + 2)
  expect(scene.deadline).toBe(before)
  scene.keepalive(silent + 3, ['u', 'x', 'y'])
  expect(scene.deadline).toBe(silent + 3 + holderValidityMs(leaseMs, bounds))
  // What was withdrawn counts for the epoch that is over, and the new one was heard a moment ago.
  for (const name of configuration.voters) expect(scene.withdraws(name, silent + 4)).toBe(false)
  expect(scene.mayExpire).toBe(false)
})
