import type { CandidacyEvents, OperatorRequest, OperatorWish } from '../../backends/backend.ts'
import { EngineCandidacy } from '../../backends/engine/candidacy.ts'
import { RaftCandidacy } from '../../backends/raft-candidacy.ts'
import type { RequestResult } from '../../registry/types.ts'
import { expectEqual, type Schedule } from './schedule.ts'

const renewal = { sentAt: { monotonicMs: 0, wallMs: 0, bootMs: 0 }, grantedMs: 1_000 }
const campaign = { election: 'e', exclusivity: 'time', priority: 0, metadata: {} } as const
const ask = (token: bigint, to: string | null = null): OperatorRequest => ({ election: 'e', token, to })

/** A request that was under way while leaders changed, and one that crosses what the leader does by itself. */
export const operatorAsks: Schedule = {
  name: 'operator-asks',
  claim: 'A request of an operator ends the leadership that it names, and no younger one',
  async run() {
    await meansOneLeadership()
    await ofAnEngineWithoutLog()
    await askedInTurn()
  },
}

class Told implements CandidacyEvents {
  readonly news: string[] = []

  waiting(): void {}

  won({ token }: { readonly token: bigint }): void {
    this.news.push(`won ${token}`)
  }

  renewed(): void {}

  asked({ to }: OperatorWish): void {
    this.news.push(`asked ${to}`)
  }

  ended({ reason }: { readonly reason: string }): void {
    this.news.push(`ended ${reason}`)
  }
}

async function meansOneLeadership(): Promise<void> {
  const told = new Told()
  const questions: ((result: RequestResult) => void)[] = []
  const candidacy = new RaftCandidacy(campaign, told, {
    ask: (_request, answer) => {
      questions.push(answer)
      return { cancel: () => false }
    },
    afterLease: () => ({ cancel: () => undefined }),
    renewal: () => renewal,
    unsupported: () => undefined,
    holds: () => undefined,
    gone: () => undefined,
  })
  candidacy.campaign()
  questions[0]?.({ is: 'queued', ahead: 0 })
  expectEqual(await candidacy.asked(ask(7n)), null, 'answer of a candidate that waits')
  candidacy.granted(7n)
  // The same candidate led before, with token 5.
  expectEqual(await candidacy.asked(ask(5n)), null, 'answer to a request that is late')
  const stranger = candidacy.asked(ask(7n, 'x'))
  questions[1]?.({ is: 'no-such-candidate' })
  expectEqual(await stranger, 'no-such-candidate', 'answer about one who does not stand')
  // It resigns by itself while somebody looks whether b waits.
  const crossed = candidacy.asked(ask(7n, 'b'))
  void candidacy.leave({})
  questions[2]?.({ is: 'done' })
  expectEqual(await crossed, null, 'answer of one that has left meanwhile')
  expectEqual(told.news, ['won 7'], 'news')
}

function engineCandidacy(
  told: Told,
  stands: (candidate: string) => Promise<boolean | null>,
): EngineCandidacy {
  return new EngineCandidacy(campaign, told, {
    protocol: {
      campaign: () => undefined,
      leave: () => Promise.resolve(true),
      stands,
      proclaim: () => Promise.resolve('done'),
      over: () => undefined,
    },
    duties: {
      tokenBase: 100n,
      renewal: () => renewal,
      unsupported: () => undefined,
      gone: () => undefined,
    },
  })
}

async function ofAnEngineWithoutLog(): Promise<void> {
  const told = new Told()
  const candidacy = engineCandidacy(told, (candidate) => Promise.resolve(candidate === 'b'))
  candidacy.begin()
  candidacy.granted(7)
  expectEqual(await candidacy.asked(ask(105n)), null, 'answer to a request that is late')
  expectEqual(await candidacy.asked(ask(7n)), null, 'answer to a token without its base')
  expectEqual(
    await candidacy.asked(ask(107n, 'x')),
    'no-such-candidate',
    'answer about one who does not stand',
  )
  expectEqual(await candidacy.asked(ask(107n, 'b')), 'told', 'answer about one who stands')
  expectEqual(told.news, ['won 107', 'asked b'], 'news')
}

/** An operator looks for one candidate, while the owner hands over to another. */
async function askedInTurn(): Promise<void> {
  const told = new Told()
  const open: { readonly candidate: string; answer(stands: boolean): void }[] = []
  const candidacy = engineCandidacy(
    told,
    (candidate) => new Promise((answer) => open.push({ candidate, answer })),
  )
  candidacy.begin()
  candidacy.granted(7)
  const asked = candidacy.asked(ask(107n, 'b'))
  const handedOver = candidacy.transfer('c', {})
  await Promise.resolve()
  expectEqual(
    open.map((one) => one.candidate),
    ['b'],
    'questions at a time',
  )
  open[0]?.answer(false)
  expectEqual(await asked, 'no-such-candidate', 'answer to the operator')
  open[1]?.answer(true)
  expectEqual(await handedOver, 'done', 'what came of the transfer')
  expectEqual(told.news, ['won 107', 'ended transferred'], 'news')
}
