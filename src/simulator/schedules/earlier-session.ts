import { RaftSession } from '../../backends/raft-session.ts'
import type { SponsorLinkEvents } from '../../cluster/sponsor-link.ts'
import type { HolderMessage, SessionState } from '../../cluster/messages.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { expectEqual, type Schedule } from './schedule.ts'

/**
 * A session was silent for its lease and ended; the candidate opened another one and waits again. Then comes what the
 * sponsor had told of the first one.
 */
export const earlierSession: Schedule = {
  name: 'earlier-session',
  claim:
    'News of a session that ended wins nothing for the one that followed it, and ends nothing of it (S13)',
  async run() {
    const stage = new Stage()
    const [first] = stage.keys
    stage.open(first)
    await microtasks()
    stage.answer(first)
    const error = { code: 'LEADERSHIP_LOST', message: 'silent for its lease' } as const
    stage.events.message({ type: 'session-ended', session: first, error })
    await microtasks()
    const second = stage.keys.at(-1) as string
    stage.open(second)
    await microtasks()
    stage.answer(second)
    stage.events.message({ type: 'granted', session: first, election: 'e', token: 5n })
    expectEqual(stage.told, [], 'news of the second session after those of the first')
    stage.events.message({ type: 'granted', session: second, election: 'e', token: 9n })
    expectEqual(stage.told, ['won 9'], 'news of the second session')
    await stage.session.close({ signal: AbortSignal.abort() })
  },
}

class Stage {
  readonly told: string[] = []
  readonly sent: HolderMessage[] = []
  readonly session: RaftSession
  events!: SponsorLinkEvents

  constructor() {
    const clock = manualClock()
    this.session = new RaftSession({
      env: { clock, random: seededRandom(1), report: () => undefined },
      cluster: 'c',
      voters: ['a'],
      heartbeatMs: 100,
      maxClockDrift: 0.001,
      tickMs: 1,
      candidateId: 's',
      leaseMs: 1_000,
      connect: (events) => {
        this.events = events
        return {
          host: null,
          beats: false,
          send: (message) => {
            this.sent.push(message)
            if (message.type === 'keepalive') this.#acknowledge(message)
          },
          change: () => undefined,
          close: () => undefined,
        }
      },
    })
    this.session.opened({}).catch(() => undefined)
    this.session.enter(
      { election: 'e', exclusivity: 'time', priority: 0, metadata: {} },
      {
        waiting: () => undefined,
        won: ({ token }) => this.told.push(`won ${token}`),
        renewed: () => undefined,
        ended: ({ reason }) => this.told.push(`ended ${reason}`),
      },
    )
    this.events.up()
  }

  get keys(): [string, ...string[]] {
    const keys = this.sent.flatMap((message) => (message.type === 'open' ? [message.request.session] : []))
    return keys as [string, ...string[]]
  }

  open(session: string): void {
    const state: SessionState = { epoch: this.keys.length, number: 0, results: [], holds: [], waits: [] }
    this.events.message({ type: 'opened', session, scope: 'c', voters: ['a'], state })
  }

  /** To the campaign. */
  answer(session: string): void {
    const [result] = [{ is: 'queued', ahead: 0 } as const]
    this.events.message({ type: 'results', session, number: 1, results: [result] })
  }

  #acknowledge({ session, epoch, sequence }: Extract<HolderMessage, { type: 'keepalive' }>): void {
    const message = {
      type: 'keepalive-ack',
      session,
      epoch,
      sequence,
      voter: 'a',
      voterIncarnation: 1,
    } as const
    queueMicrotask(() => this.events.message({ type: 'support', message }))
  }
}

async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}
