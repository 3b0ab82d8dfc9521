import { grantorSilenceMs } from '../../lease/deadline.ts'
import { createVoter, stepVoter, type Voter } from '../../protocols/support/voter.ts'
import { expect, type Schedule } from './schedule.ts'

const bounds = { maxClockDrift: 0.001, tickMs: 1 }
const leaseMs = 1_000
const silence = grantorSilenceMs(leaseMs, bounds)

/** What a voter acknowledged before it knew the session, or before it died, is a promise; it does not remember when. */
export const silenceBeginsLate: Schedule = {
  name: 'silence-begins-late',
  claim: 'Silence counts from no earlier than the own start and the opening of the epoch (DESIGN §4.1 A4)',
  run() {
    // Acknowledged at 5000, applied at 5100: whoever counted from its start would agree at once.
    const lagging = voterSince(0)
    acknowledges(lagging, 5_000)
    open(lagging, 5_100)
    expect(!withdraws(lagging, 5_200), 'a voter that has just applied the opening withdraws at once')
    expect(!withdraws(lagging, 5_100 + silence - 1), 'it withdraws before a whole lease of silence')
    expect(withdraws(lagging, 5_100 + silence), 'it never withdraws')
    // Restarted at 9000 with the log, not with what it heard.
    const restarted = voterSince(9_000)
    open(restarted, 9_000)
    expect(!withdraws(restarted, 9_001), 'a voter that has just started withdraws at once')
    // Heard in the epoch before: a reopen makes nobody silent.
    const reopened = voterSince(0)
    open(reopened, 0)
    acknowledges(reopened, 900)
    expect(
      !withdraws(reopened, silence),
      'a voter withdraws although it heard the session since it was opened',
    )
  },
}

function voterSince(startedAt: number): Voter {
  return createVoter({ self: 'a', incarnation: 1, bounds, startedAt, withdrawals: [] })
}

function open(voter: Voter, now: number): void {
  stepVoter(voter, { type: 'opened', session: 's', epoch: 1, leaseMs }, now)
}

function acknowledges(voter: Voter, now: number): void {
  const keepalive = { type: 'keepalive', session: 's', epoch: 1, sequence: 1 } as const
  const effects = stepVoter(voter, { type: 'keepalive', from: 'b', keepalive }, now)
  expect(
    effects.some((effect) => effect.type === 'send' && effect.message.type === 'keepalive-ack'),
    'a keepalive is not acknowledged',
  )
}

function withdraws(voter: Voter, now: number): boolean {
  const request = { type: 'withdraw-request', session: 's', epoch: 1 } as const
  const effects = [
    ...stepVoter(voter, { type: 'withdraw-request', from: 'b', request }, now),
    ...stepVoter(voter, { type: 'wake' }, now),
  ]
  return effects.some((effect) => effect.type === 'persist')
}
