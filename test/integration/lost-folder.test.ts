import { cpSync, renameSync, rmSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import type { RaftBackend } from '../../src/backends/raft.ts'
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

it('a restored folder is not let in, however often it is started, and the folder itself is', async () => {
  stage = new Loopback()
  const peers = await peerTable('a', 'b', 'c')
  const [a, c] = [await stage.peer(peers, 'a'), await stage.peer(peers, 'c')]
  const problemOfB = async (peer: RaftBackend, self: string): Promise<string | null> => {
    const { answers } = await peer.status({ timeoutMs: 1000 })
    const told = answers.find((one) => one.peer === self)?.peers.find(({ id }) => id === 'b')
    if (told === undefined) return 'no answer'
    return told.reachable ? null : (told.problem ?? 'unreachable')
  }
  const bothSay = (what: string, holds: (problem: string | null) => boolean) =>
    eventually(what, async () => {
      const problems = [await problemOfB(a, 'a'), await problemOfB(c, 'c')]
      return problems.every(holds) ? true : undefined
    })
  const startAndStop = async (): Promise<void> => {
    const b = await stage.peer(peers, 'b')
    await bothSay('b is in', (problem) => problem === null)
    await b.close()
  }
  await startAndStop()
  const backup = `${stage.dataDir('b')} of yesterday`
  cpSync(stage.dataDir('b'), backup, { recursive: true })
  await startAndStop()
  await startAndStop()
  const itsOwn = `${stage.dataDir('b')} put away`
  renameSync(stage.dataDir('b'), itsOwn)
  renameSync(backup, stage.dataDir('b'))

  for (let start = 2; start <= 101; start++) {
    const b = await stage.peer(peers, 'b')
    // Below the number that was seen, at it, above it, and where that is too long ago to be shown without being asked.
    if ([2, 3, 4, 50, 101].includes(start)) {
      const refusal = `at start ${start} and does not go on from start 3`
      await bothSay(refusal, (problem) => problem?.includes(refusal) === true)
    }
    await b.close()
  }
  rmSync(stage.dataDir('b'), { recursive: true })
  renameSync(itsOwn, stage.dataDir('b'))
  await startAndStop()
}, 240_000)
