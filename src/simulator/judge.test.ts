import { expect, it } from 'vitest'
import type { PeerMessage } from '../cluster/messages.ts'
import type { HistoryEvent } from './history.ts'
import { ensure, type Invariant } from './invariants/invariant.ts'
import { Judge } from './judge.ts'

const vote: PeerMessage = {
  kind: 'raft',
  message: { type: 'vote-reply', term: 1, granted: true },
}
const read: PeerMessage = { kind: 'read-index', id: 1 }

function judgeWith(messages: Invariant['messages'], types: Invariant['types'] = ['sent']) {
  const seen: HistoryEvent[] = []
  const invariant: Invariant = {
    name: 'example',
    claim: 'Nothing is forbidden (Raft §1).',
    types,
    ...(messages === undefined ? {} : { messages }),
    check: () => ({ evaluations: 0, observe: (event) => void seen.push(event) }),
  }
  const context = {
    timing: {} as never,
    voters: [],
    mode: 'safety',
    leaderships: () => [],
  } as const
  return { seen, judge: new Judge([invariant], context, undefined) }
}

it('shows a message to whoever asked for messages of this name, whatever is between', () => {
  const { seen, judge } = judgeWith(['vote-reply', 'read-index'])
  judge.tell(1, 'a', 1, { type: 'sent', to: 'b', message: vote })
  judge.tell(2, 'a', 1, {
    type: 'sent',
    to: 'b',
    message: { ...vote, message: { type: 'timeout-now', term: 1 } },
  })
  judge.tell(3, 'a', 1, { type: 'sent', to: 'b', message: read })
  judge.tell(4, 'a', 1, { type: 'received', from: 'b', message: read })
  expect(seen.map(({ at }) => at)).toEqual([1, 3])
})

it('shows messages as they are told of in one piece, to the same', () => {
  const { seen, judge } = judgeWith(['vote-reply'], ['sent', 'received'])
  judge.sent(1, 'a', 1, 'b', vote)
  judge.sent(2, 'a', 1, 'b', read)
  judge.received(3, 'b', 1, 'a', vote)
  expect(seen).toMatchObject([
    { at: 1, process: 'a', run: 1, type: 'sent', to: 'b', message: vote },
    { at: 3, process: 'b', run: 1, type: 'received', from: 'a', message: vote },
  ])
  const all = judgeWith(undefined)
  all.judge.sent(1, 'a', 1, 'b', read)
  expect(all.seen).toHaveLength(1)
})

it('tells what a checker says about a message that it asked for', () => {
  const invariant: Invariant = {
    name: 'no-votes',
    claim: 'Nobody votes (Raft §1).',
    types: ['sent'],
    messages: ['vote-reply'],
    check: () => ({ evaluations: 1, observe: () => ensure(false, () => 'somebody voted') }),
  }
  const context = { timing: {} as never, voters: [], mode: 'safety', leaderships: () => [] } as const
  const judge = new Judge([invariant], context, undefined)
  judge.tell(1, 'a', 1, { type: 'sent', to: 'b', message: read })
  expect(judge.violations).toEqual([])
  judge.tell(2, 'a', 1, { type: 'sent', to: 'b', message: vote })
  expect(judge.violations).toEqual([{ invariant: 'no-votes', atMs: 2, message: 'somebody voted' }])
})
