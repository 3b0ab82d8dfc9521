import type { CandidacyEvents, Renewal } from '../../backends/backend.ts'
import { RaftCandidacy } from '../../backends/raft-candidacy.ts'
import { Outbox } from '../../cluster/outbox.ts'
import type { RequestResult, SessionRequest } from '../../registry/types.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

const renewal: Renewal = { sentAt: { monotonicMs: 0, wallMs: 0, bootMs: 0 }, grantedMs: 1_000 }
const queued: RequestResult = { is: 'queued', ahead: 0 }

/** Answers that are lost, repeated or overtaken, while the application cancels and campaigns again. */
export const lostAnswers: Schedule = {
  name: 'lost-answers',
  claim:
    'A cancelled campaign is taken back, and neither its grant nor its answer passes for those of the next (S10)',
  async run() {
    oneBatchAtATime()
    await cancelledBeforeTheAnswer()
    await handsOverAfterItStopped()
    endsWithItsSession()
  },
}

function oneBatchAtATime(): void {
  const posted: number[] = []
  const answers: string[] = []
  const outbox = new Outbox((number) => posted.push(number))
  const ask = (name: string): void => {
    outbox.add({ type: 'leave', election: name }, (result) => answers.push(`${name} ${result?.is}`))
    outbox.flush()
  }
  ask('first')
  ask('second')
  expectEqual(posted, [1], 'batches in flight')
  outbox.answered(1, [{ is: 'done' }])
  outbox.flush()
  // The sponsor tells again what it told, after a change of link.
  outbox.answered(1, [{ is: 'done' }])
  expectEqual(answers, ['first done'], 'answers after the first batch was answered twice')
  outbox.answered(2, [{ is: 'was-not-holder' }])
  expectEqual(answers, ['first done', 'second was-not-holder'], 'answers')
}

/** A candidacy, and what it asks its session. */
class Stage implements CandidacyEvents {
  readonly questions: { readonly request: SessionRequest; answer(result: RequestResult | null): void }[] = []
  readonly told: string[] = []

  candidacy(): RaftCandidacy {
    const candidacy = new RaftCandidacy(
      { election: 'e', exclusivity: 'time', priority: 0, metadata: {} },
      this,
      {
        ask: (request, answer) => {
          this.questions.push({ request, answer })
          // It has left for the cluster already.
          return { cancel: () => false }
        },
        afterLease: () => ({ cancel: () => undefined }),
        renewal: () => renewal,
        unsupported: () => undefined,
        holds: () => undefined,
        gone: () => undefined,
      },
    )
    candidacy.campaign()
    return candidacy
  }

  get types(): string[] {
    return this.questions.map(({ request }) => request.type)
  }

  waiting(): void {
    this.told.push('waiting')
  }

  won({ token }: { readonly token: bigint }): void {
    this.told.push(`won ${token}`)
  }

  renewed(): void {
    this.told.push('renewed')
  }

  ended({ reason }: { readonly reason: string }): void {
    this.told.push(`ended ${reason}`)
  }
}

/** The grant of the first campaign is on its way when it is cancelled, and comes while the second one asks. */
async function cancelledBeforeTheAnswer(): Promise<void> {
  const first = new Stage()
  const cancelled = first.candidacy()
  const left = cancelled.leave({})
  expectEqual(
    first.types,
    ['campaign', 'leave'],
    'requests of a campaign that was cancelled before its answer',
  )
  const second = new Stage()
  const candidacy = second.candidacy()
  candidacy.granted(5n)
  expectEqual(second.told, [], 'news of the second campaign when the grant of the first one comes')
  first.questions[1]?.answer({ is: 'done' })
  expectEqual(await left, 'left', 'the cancellation')
  second.questions[0]?.answer(queued)
  candidacy.granted(7n)
  expectEqual(second.told, ['waiting', 'won 7'], 'news of the second campaign')
}

/** The log names the successor with the entry that releases, so whoever stops on its answer overlaps. */
async function handsOverAfterItStopped(): Promise<void> {
  const stage = new Stage()
  const candidacy = stage.candidacy()
  stage.questions[0]?.answer(queued)
  candidacy.granted(5n)
  const done = candidacy.transfer('b', {})
  stage.questions[1]?.answer({ is: 'done' })
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  expect(stage.types.includes('transfer'), 'nothing is handed over')
  expectEqual(stage.told, ['waiting', 'won 5', 'ended transferred'], 'news when the transfer is asked for')
  for (const { answer } of stage.questions.slice(2)) answer({ is: 'done' })
  expectEqual(await done, 'done', 'the transfer')
}

function endsWithItsSession(): void {
  const stage = new Stage()
  const candidacy = stage.candidacy()
  stage.questions[0]?.answer(queued)
  candidacy.granted(5n)
  candidacy.sessionExpired('silent for its lease')
  expectEqual(stage.told.at(-1), 'ended expired', 'the last news of a leadership whose session ended')
}
