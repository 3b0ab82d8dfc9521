import { foldRecords } from '../../cluster/recovery.ts'
import type { LogRecord } from '../../cluster/messages.ts'
import { grantorSilenceMs, holderValidityMs } from '../../lease/deadline.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  sent,
  supportedSince,
} from '../../protocols/support/holder.ts'
import { createVoter, stepVoter, type Voter } from '../../protocols/support/voter.ts'
import { createWithdrawals, withdrawalResult, withdrew } from '../../protocols/support/withdrawals.ts'
import { expect, type Schedule } from './schedule.ts'

const bounds = { maxClockDrift: 0.001, tickMs: 1 }
const leaseMs = 1_000
const voters = ['u', 'v', 'w', 'x', 'y']
const silentAt = grantorSilenceMs(leaseMs, bounds) + 1

/**
 * DESIGN §4.1: five voters, x and u withdraw, x restarts, and would acknowledge again if it had forgotten; y withdraws.
 * Then three have withdrawn, and three support.
 */
export const forgetfulVoter: Schedule = {
  name: 'forgetful-voter',
  claim:
    'No deadline is ahead when a majority has withdrawn, whoever restarted meanwhile (DESIGN §4.1 A2, A4, A5)',
  run() {
    play((scene) => scene.restart('x', silentAt + 1))
    // The same without a restart: x only goes on acknowledging.
    play(() => undefined)
  },
}

function play(between: (scene: Scene) => void): void {
  const scene = new Scene()
  scene.keepalive(0, voters)
  for (let now = 100; now <= silentAt; now += 100) scene.keepalive(now, ['v', 'w'])
  scene.withdraws('x', silentAt)
  scene.withdraws('u', silentAt)
  between(scene)
  scene.keepalive(silentAt + 2, ['v', 'w', 'x'])
  expect(isEndangered(scene.holder), 'a session that lost a voter for good does not ask for a new epoch')
  scene.withdraws('y', silentAt + 3)
  expect(
    withdrawalResult(scene.withdrawals, { voters }, 's', 1) === 'won',
    'x, u and y are no majority of withdrawals',
  )
  const deadline = (supportedSince(scene.holder) ?? -Infinity) + holderValidityMs(leaseMs, bounds)
  expect(deadline <= silentAt + 3, `the session may expire, and its holder is supported until ${deadline}`)
}

class Scene {
  readonly holder = createHolder<number>({ configuration: { voters }, epoch: 1 })
  readonly withdrawals = createWithdrawals()
  readonly #disks = new Map<string, LogRecord[]>()
  readonly #voters = new Map<string, Voter>()

  constructor() {
    for (const name of voters) this.restart(name, 0)
  }

  restart(name: string, now: number): void {
    const disk = this.#disks.get(name) ?? []
    this.#disks.set(name, disk)
    const { withdrawals } = foldRecords(disk)
    const voter = createVoter({ self: name, incarnation: now, bounds, startedAt: now, withdrawals })
    stepVoter(voter, { type: 'opened', session: 's', epoch: 1, leaseMs }, now)
    this.#voters.set(name, voter)
  }

  keepalive(now: number, reached: readonly string[]): void {
    const sequence = this.holder.lastSequence + 1
    sent(this.holder, sequence, now)
    const keepalive = { type: 'keepalive', session: 's', epoch: 1, sequence } as const
    for (const name of reached) {
      for (const effect of stepVoter(
        this.#voter(name),
        { type: 'keepalive', from: 'sponsor', keepalive },
        now,
      )) {
        if (effect.type !== 'send') continue
        const { message } = effect
        if (message.type === 'keepalive-ack') acknowledged(this.holder, message)
        if (message.type === 'keepalive-refusal') refused(this.holder, message)
      }
    }
  }

  withdraws(name: string, now: number): void {
    const request = { type: 'withdraw-request', session: 's', epoch: 1 } as const
    const voter = this.#voter(name)
    const effects = stepVoter(voter, { type: 'withdraw-request', from: 'arbiter', request }, now)
    for (const effect of [...effects, ...stepVoter(voter, { type: 'wake' }, now)]) {
      if (effect.type === 'persist') this.#disks.get(name)?.push({ type: 'withdrawal', ...effect.withdrawal })
      if (effect.type !== 'send' || effect.message.type !== 'withdraw-answer') continue
      withdrew(this.withdrawals, effect.message)
    }
  }

  #voter(name: string): Voter {
    return this.#voters.get(name) as Voter
  }
}
