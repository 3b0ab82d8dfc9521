import { rmSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { eventually, Loopback, peerTable, raftLeader } from './loopback.ts'

let stage: Loopback
afterEach(() => stage.close())

it('a peer whose folder was lost is not let in, even after all others restarted and forgot it', async () => {
  stage = new Loopback()
  const peers = await peerTable('a', 'b', 'c')
  const [a, b, c] = [await stage.peer(peers, 'a'), await stage.peer(peers, 'b'), await stage.peer(peers, 'c')]
  await raftLeader(a)
  // Everybody has spoken to everybody, in both directions.
  for (const peer of [a, b, c]) {
    await eventually('all connected', async () => {
      const { answers } = await peer.status({ timeoutMs: 1000 })
      return answers.length === 3 && answers.every((one) => one.peers.every(({ reachable }) => reachable))
        ? true
        : undefined
    })
  }
  for (const peer of [a, b, c]) await peer.close()
  rmSync(stage.dataDir('b'), { recursive: true })

  const again = await stage.peer(peers, 'a')
  await stage.peer(peers, 'b')
  const problem = await eventually('the refusal', async () => {
    const { answers } = await again.status({ timeoutMs: 1000 })
    const told = answers.find((one) => one.peer === 'a')?.peers.find(({ id }) => id === 'b')?.problem
    return told?.includes('another folder') === true ? told : undefined
  })
  expect(problem).toContain('Give it back its folder')
  // One peer with its folder and one without are no majority.
  const { answers } = await again.status({ timeoutMs: 2000 })
  expect(answers.some(({ quorum }) => quorum)).toBe(false)

  await stage.peer(peers, 'c')
  await raftLeader(again)
})
