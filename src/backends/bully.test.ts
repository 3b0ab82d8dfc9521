import { expect, expectTypeOf, test } from 'vitest'
import { createElection, type AdvisoryLeadership, type Leadership } from '../index.ts'
import { playConformance } from '../../test/conformance/play.ts'
import { bullyConformance } from '../testing/bully-conformance.ts'
import { bully } from './bully.ts'

playConformance(bullyConformance(), [
  'no delayReplies here: its sponsor is in its own process: no reply is late',
  'no loseNextReply here: its sponsor is in its own process: no reply is lost on the way',
])

test('a process that is no peer is told that it cannot stand, before anything is dialled', async () => {
  const backend = bully({ peers: { a: '127.0.0.1:1' } })
  const election = createElection({ name: 'e', backend })
  await expect(election.campaign()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  await election.close()
})

test('what belongs to a log or to a leader of the cluster is refused', () => {
  const peers = { a: '127.0.0.1:1' }
  for (const option of [{ logBytesMax: 1 }, { tuning: 'adaptive' }])
    expect(() => bully({ peers, ...option })).toThrow(/no such option/)
})

test('quorum: false gives an advisory backend, whose type says so', async () => {
  const peers = { a: '127.0.0.1:1' }
  const backend = bully({ peers, quorum: false })
  expect(backend.facts).toMatchObject({ guarantee: 'advisory', exclusivity: [] })
  const election = createElection({ name: 'e', backend })
  expectTypeOf(election.campaign).returns.resolves.toEqualTypeOf<AdvisoryLeadership>()
  expectTypeOf(
    createElection({ name: 'e', backend: bully({ peers }) }).campaign,
  ).returns.resolves.toEqualTypeOf<Leadership>()
  await expect(election.campaign()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  await election.close()
})

test('a quorum that is neither true nor false, and a base for tokens that there are not, are refused', () => {
  const peers = { a: '127.0.0.1:1' }
  const given = { peers, quorum: 'no' } as unknown as Parameters<typeof bully>[0]
  expect(() => bully(given)).toThrow(/quorum is no; expected true or false/)
  const based = { peers, quorum: false, tokenBase: 7n } as unknown as Parameters<typeof bully>[0]
  expect(() => bully(based)).toThrow(/tokenBase/)
})
