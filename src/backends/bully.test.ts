import { expect, test } from 'vitest'
import { createElection } from '../index.ts'
import { playConformance } from '../../test/conformance/play.ts'
import { bullyConformance } from '../testing/bully-conformance.ts'
import { bully } from './bully.ts'

playConformance(bullyConformance(), [
  'no delayReplies here: its peer is in its own process: no reply is late',
  'no loseNextReply here: its peer is in its own process: no reply is lost on the way',
])

test('a process that is no peer is told that it cannot stand, before anything is dialled', async () => {
  const backend = bully({ peers: { a: '127.0.0.1:1' } })
  const election = createElection({ name: 'e', backend })
  await expect(election.campaign()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  await election.close()
})

test('what belongs to a log or to a leader of the cluster is refused', () => {
  const peers = { a: '127.0.0.1:1' }
  for (const option of [{ logBytesMax: 1 }, { tuning: 'adaptive' }, { quorum: false }])
    expect(() => bully({ peers, ...option })).toThrow(/no such option/)
})
