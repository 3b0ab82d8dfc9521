/** A cluster without a majority elects nobody, says who is missing, and elects as soon as there is one. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createElection } from '../../src/index.ts'
import type { RaftBackend } from '../../src/backends/raft.ts'
import { eventually, Loopback, peerTable, refusal } from './loopback.ts'

let stage: Loopback
beforeEach(() => void (stage = new Loopback()))
afterEach(() => stage.close())

function knowsOfNoQuorum(peer: RaftBackend): Promise<true> {
  return eventually('it to find the others silent', async () => {
    const { answers, silent } = await peer.status({ timeoutMs: 2000 })
    return silent.length === 2 && answers.some(({ quorum }) => !quorum) ? true : undefined
  })
}

test('one of three alone waits, says who is silent and why, and is cancelled at once', async () => {
  const peers = await peerTable('a', 'b', 'c')
  const a = await stage.peer(peers, 'a')
  const election = createElection({ name: 'billing', backend: a })
  const abort = new AbortController()
  const campaign = refusal(() => election.campaign({ signal: abort.signal }))
  const { answers, silent } = await a.status({ timeoutMs: 2000 })
  expect(answers).toMatchObject([{ peer: 'a', quorum: false, leader: null, elections: [] }])
  expect(silent).toEqual(
    ['b', 'c'].map((peer) => {
      const address = peers[peer]
      return { peer, address, reason: expect.stringContaining(`connection refused at ${address}`) }
    }),
  )
  abort.abort(new Error('changed my mind'))
  // Without the abort it would wait for ever.
  const error = await campaign
  expect(error).toMatchObject({ code: 'CANCELLED' })
  expect((await refusal(() => election.current({ signal: AbortSignal.abort() }))).code).toBe('CANCELLED')
  // Without a signal it tells in time that nobody can say.
  expect((await refusal(() => election.current())).code).toBe('BACKEND_UNAVAILABLE')
})

test('it wins as soon as a second one starts, and the third joins', async () => {
  const peers = await peerTable('a', 'b', 'c')
  // Its leadership must last until everybody has told of it, and all three share one event loop.
  const timing = 'default'
  const a = await stage.peer(peers, 'a', { timing })
  let won = false
  const campaign = createElection({ name: 'billing', backend: a }).campaign()
  campaign.then(
    () => (won = true),
    () => undefined,
  )
  await knowsOfNoQuorum(a)
  expect(won).toBe(false)
  const b = await stage.peer(peers, 'b', { timing })
  const leadership = await campaign
  expect(leadership.isValid()).toBe(true)
  await stage.peer(peers, 'c', { timing })
  // Having a quorum, the third may still have to catch up.
  await eventually('three answers that tell of it, with a quorum', async () => {
    const { answers } = await b.status({ election: 'billing' })
    const tells = answers.map(
      ({ quorum, elections: [first] }) => quorum && first?.leader?.token === leadership.token,
    )
    return tells.length === 3 && tells.every(Boolean) ? true : undefined
  })
})

test('a leader that loses its majority ends at its deadline, waits, and leads again with a greater token', async () => {
  const peers = await peerTable('a', 'b', 'c')
  const [a, b, c] = await Promise.all(Object.keys(peers).map((id) => stage.peer(peers, id)))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three peers')
  const election = createElection({ name: 'billing', backend: a })
  const first = await election.campaign()
  await Promise.all([b.close(), c.close()])
  expect(await first.lost).toBe('expired')
  expect(first.isValid()).toBe(false)

  const abort = new AbortController()
  const cancelled = refusal(() => election.campaign({ signal: abort.signal }))
  await knowsOfNoQuorum(a)
  abort.abort()
  expect((await cancelled).code).toBe('CANCELLED')

  const again = election.campaign()
  await stage.peer(peers, 'b')
  expect((await again).token).toBeGreaterThan(first.token)
})
