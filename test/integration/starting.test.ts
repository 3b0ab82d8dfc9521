/** What `backend.start()` refuses, with real ports, folders and files. */
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createElection } from '../../src/index.ts'
import type { RaftBackend } from '../../src/backends/raft.ts'
import { CandidateProcess } from './candidate-process.ts'
import { eventually, Loopback, peerTable, portOf, refusal } from './loopback.ts'

let stage: Loopback
beforeEach(() => void (stage = new Loopback()))
afterEach(() => stage.close())

/** Elects once, so that the log holds more than its first record. */
async function used(backend: RaftBackend): Promise<bigint> {
  const election = createElection({ name: 'billing', backend })
  const { token } = await election.campaign()
  await election.close()
  return token
}

/** A peer that is a cluster by itself, stopped after it has elected. */
async function usedFolder() {
  const peers = await peerTable('a')
  const backend = await stage.peer(peers, 'a')
  const token = await used(backend)
  await backend.close()
  const log = join(stage.dataDir('a'), 'log')
  return { peers, log, token }
}

test('a port that another process listens on is ADDRESS_IN_USE, and the folder is let go of', async () => {
  const peers = await peerTable('a')
  const other = createServer()
  stage.atEnd(() => other.close())
  await new Promise<void>((resolve) => other.listen(portOf(peers['a']), '127.0.0.1', resolve))
  const error = await refusal(() => stage.peer(peers, 'a'))
  expect(error).toMatchObject({ code: 'ADDRESS_IN_USE', details: { address: peers['a'] } })
  expect(error.message).toMatch(/is this peer running already\? Stop it, or choose another port/)

  await new Promise((resolve) => other.close(resolve))
  await stage.peer(peers, 'a')
})

test('a start that failed for its port may be repeated on the same backend', async () => {
  const peers = await peerTable('a')
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(portOf(peers['a']), '127.0.0.1', resolve))
  const backend = stage.backend({ peers, self: 'a', dataDir: stage.dataDir('a') })
  expect((await refusal(() => backend.start())).code).toBe('ADDRESS_IN_USE')
  await new Promise((resolve) => other.close(resolve))
  expect(await used(backend)).toBeGreaterThan(0n)
})

test('a folder that a running peer uses is DATA_DIR_IN_USE, also under another path', async () => {
  const peers = await peerTable('a', 'b')
  await stage.peer(peers, 'a')
  const dataDir = `${stage.dataDir('a')}/../a`
  const error = await refusal(() => stage.peer(peers, 'b', { dataDir }))
  expect(error).toMatchObject({ code: 'DATA_DIR_IN_USE', details: { dataDir: stage.dataDir('a') } })
  expect(error.message).toContain('Give each peer a folder of its own')
})

test('a folder that another process uses is DATA_DIR_IN_USE until that process is dead, however it dies', async () => {
  const peers = await peerTable('a')
  const dataDir = stage.dataDir('a')
  const other = new CandidateProcess({ peers, self: 'a', dataDir, timing: 'fast', contests: [] })
  stage.atEnd(() => other.ended)
  stage.atEnd(() => other.kill('SIGKILL'))
  await eventually('the other process', () => other.told('ready').at(0))
  const error = await refusal(() => stage.peer(peers, 'a'))
  expect(error).toMatchObject({ code: 'DATA_DIR_IN_USE', details: { dataDir } })
  expect(error.message).toContain('is this peer running already?')
  other.kill('SIGKILL')
  await other.ended
  await stage.peer(peers, 'a')
})

test('the folder of another peer, or of another cluster, is CLUSTER_MISMATCH and names both', async () => {
  const { peers, log } = await usedFolder()
  const before = readFileSync(log)
  const dataDir = stage.dataDir('a')
  const others = await peerTable('a', 'b')
  const otherCluster = await refusal(() => stage.peer(others, 'a', { dataDir }))
  expect(otherCluster.code).toBe('CLUSTER_MISMATCH')
  expect(otherCluster.message).toMatch(
    /holds the data of peer 'a' of cluster '[0-9a-f]{16}', not of peer 'a' of cluster '[0-9a-f]{16}'; give each peer/,
  )
  const otherPeer = await refusal(() =>
    stage.peer({ b: peers['a'] ?? '' }, 'b', { dataDir, cluster: stage.backend({ peers }).cluster }),
  )
  expect(otherPeer).toMatchObject({ code: 'CLUSTER_MISMATCH' })
  expect(otherPeer.message).toMatch(/peer 'a' of cluster .* not of peer 'b' of cluster/)
  expect(readFileSync(log)).toEqual(before)
})

test('a torn end of the log is cut off and told, and tokens go on growing', async () => {
  const { peers, log, token } = await usedFolder()
  truncateSync(log, statSync(log).size - 3)
  const again = await stage.peer(peers, 'a')
  expect(await used(again)).toBeGreaterThan(token)
  const repairs = again.failures.filter(({ during }) => during === 'recovery of the log (repaired)')
  expect(repairs).toMatchObject([{ error: { code: 'DATA_CORRUPT', details: { file: log } } }])
  expect(String(repairs[0]?.error)).toMatch(/interrupted and never acknowledged; \d+ bytes were cut off/)
})

test('one flipped bit anywhere in the log is DATA_CORRUPT, and the file is left as it is', async () => {
  const { peers, log } = await usedFolder()
  const intact = readFileSync(log)
  // Head, first group, middle, and the very last byte: nowhere is it taken for a torn end.
  for (const at of [3, 30, intact.length >> 1, intact.length - 1]) {
    const flipped = Buffer.from(intact)
    flipped[at] = (flipped[at] ?? 0) ^ 4
    writeFileSync(log, flipped)
    const error = await refusal(() => stage.peer(peers, 'a'))
    expect(error).toMatchObject({ code: 'DATA_CORRUPT', details: { file: log, offset: expect.any(Number) } })
    expect(error.message).toMatch(/is damaged at byte \d+: .*must not vote.*keep the file/)
    expect(readFileSync(log)).toEqual(flipped)
    expect(readdirSync(stage.dataDir('a'))).toEqual(['log'])
  }
  writeFileSync(log, intact)
  await stage.peer(peers, 'a')
})

test('an emptied log is refused as well: it is no fresh start', async () => {
  const { peers, log } = await usedFolder()
  writeFileSync(log, '')
  expect((await refusal(() => stage.peer(peers, 'a'))).code).toBe('DATA_CORRUPT')
  expect(statSync(log).size).toBe(0)
})

test('a listener that other machines reach is INSECURE_LISTENER unless that is spelled out', async () => {
  const peers = await peerTable('a')
  const listen = `0.0.0.0:${portOf(peers['a'])}`
  const error = await refusal(() => stage.peer(peers, 'a', { listen }))
  expect(error).toMatchObject({ code: 'INSECURE_LISTENER', details: { address: listen } })
  expect(error.message).toMatch(/listen on 127\.0\.0\.1, or set `insecure: true` if the network is trusted/)
  const trusting = await stage.peer(peers, 'a', { listen, insecure: true })
  expect(await used(trusting)).toBeGreaterThan(0n)
})

test('an address of another machine is no address to listen on', async () => {
  const peers = { a: '192.0.2.1:7401' }
  const error = await refusal(() => stage.peer(peers, 'a', { insecure: true }))
  expect(error).toMatchObject({ code: 'INVALID_OPTIONS', details: { option: 'listen', value: peers.a } })
  expect(error.message).toContain('use an address of this machine')
})

test('a folder that cannot be made says which and why', async () => {
  const peers = await peerTable('a')
  const file = join(stage.folder, 'a file')
  writeFileSync(file, '')
  const error = await refusal(() => stage.peer(peers, 'a', { dataDir: join(file, 'data') }))
  expect(error.code).toBe('INVALID_OPTIONS')
  expect(error.message).toMatch(/a file\/data cannot be used \(ENOTDIR.*a folder that this user may make/)
})

test('a copied folder under the same peer id beside the original is refused, and the original serves on', async () => {
  const peers = await peerTable('a', 'b', 'c')
  const [a, b] = [await stage.peer(peers, 'a'), await stage.peer(peers, 'b')]
  const token = await used(a)
  const copy = stage.dataDir('copy of a')
  mkdirSync(copy)
  copyFileSync(join(stage.dataDir('a'), 'log'), join(copy, 'log'))
  const [port] = Object.values(await peerTable('x'))
  const cuckoo = await stage.peer(peers, 'a', { dataDir: copy, listen: port })

  const says = /another process runs as peer 'a' on the same data.*never start a peer on it/
  const told = await eventually('both sides to say so', () => {
    const here = b.failures.find(({ error }) => says.test(String(error)))
    const there = cuckoo.failures.find(({ error }) => says.test(String(error)))
    return here === undefined || there === undefined ? undefined : [here, there]
  })
  for (const { error } of told) expect(error).toMatchObject({ code: 'DUPLICATE_ID' })
  expect(await used(b)).toBeGreaterThan(token)
})
