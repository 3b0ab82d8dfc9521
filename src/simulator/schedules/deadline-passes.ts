import type { Renewal } from '../../backends/backend.ts'
import { HeldLeadership, type TokenOwner } from '../../election/leadership.ts'
import { DeadlineWatch } from '../../election/deadline-watch.ts'
import { LiveDeadline } from '../../election/session-deadline.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** A deadline passes: on time, during a stall, while the machine sleeps, and with a renewal that comes a moment later. */
export const deadlinePasses: Schedule = {
  name: 'deadline-passes',
  claim:
    'First isValid() is false, then the signal aborts, then `lost` resolves; no renewal takes that back (S11)',
  async run() {
    await onTime()
    await renewedInTime()
    renewedTooLate()
    duringAStall()
    await asleep()
  },
}

class Stage {
  readonly clock = manualClock()
  readonly deadline: LiveDeadline
  readonly leadership: HeldLeadership
  readonly told: string[] = []

  constructor() {
    const { clock } = this
    const timing = { leaseMs: 1_000, maxClockDrift: 0.001, tickMs: 1 }
    this.deadline = new LiveDeadline(new DeadlineWatch(clock), clock, timing, this.renewal())
    const owner: TokenOwner = {
      candidateId: 'a',
      electionName: 'e',
      exclusivity: 'time',
      tokenScope: 'scope',
      leadershipEnded: () => undefined,
      resign: () => Promise.resolve(),
      transfer: () => Promise.resolve('refused'),
      proclaim: () => Promise.resolve('was-not-holder'),
    }
    this.leadership = new HeldLeadership(owner, 1n, this.deadline)
    const { leadership } = this
    leadership.signal.addEventListener('abort', () =>
      this.told.push(`aborted, valid ${leadership.isValid()}`),
    )
    void leadership.lost.then(() => this.told.push(`lost, aborted ${leadership.signal.aborted}`))
  }

  renewal(): Renewal {
    return { sentAt: this.clock.upper(), grantedMs: 1_000 }
  }
}

const inOrder = ['aborted, valid false', 'lost, aborted true']

async function onTime(): Promise<void> {
  const stage = new Stage()
  await stage.clock.advanceAsync(1_100)
  expectEqual(stage.told, inOrder, 'what is told when nobody asks')
  const resigned = new Stage()
  resigned.leadership.end('resigned')
  await resigned.clock.advanceAsync(1)
  expectEqual(resigned.told, inOrder, 'what is told at the resignation')
}

async function renewedInTime(): Promise<void> {
  const stage = new Stage()
  for (let passed = 0; passed < 3_000; passed += 300) {
    await stage.clock.advanceAsync(300)
    stage.deadline.renew(stage.renewal())
  }
  expect(stage.leadership.isValid(), 'a leadership ends although it is renewed')
}

function renewedTooLate(): void {
  const stage = new Stage()
  const { clock, leadership, deadline } = stage
  clock.stall(600)
  const renewal = stage.renewal()
  clock.stall(600)
  expect(!leadership.isValid(), 'a leadership is valid after its deadline')
  deadline.renew(renewal)
  expect(!leadership.isValid(), 'a leadership that was over is valid again')
}

function duringAStall(): void {
  const stage = new Stage()
  stage.clock.stall(1_100)
  expect(!stage.leadership.isValid(), 'a leadership is valid after a stall, before a timer has fired')
}

/** No timer counts the sleep, so this one is due a lease after the machine woke. */
async function asleep(): Promise<void> {
  const stage = new Stage()
  await stage.clock.suspendAsync(1_100)
  await stage.clock.advanceAsync(200)
  expectEqual(stage.told, inOrder, 'what is told soon after the machine woke, when nobody asks')
}
