/** Who belongs together: a majority counted over other voters, or a token counted from another base, must meet no peer. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { raft, type RaftBackend, type RaftOptions } from './raft.ts'

let dataDir: string
let started: RaftBackend[]
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mandate-identity-'))
  started = []
})
afterEach(async () => {
  await Promise.all(started.map((backend) => backend.close()))
  await rm(dataDir, { recursive: true, force: true })
})

const start = async (options: RaftOptions): Promise<RaftBackend> => {
  const backend = raft({ onBackgroundFailure: () => undefined, ...options })
  started.push(backend)
  await backend.start()
  return backend
}

it.each([
  ['another token base', { tokenBase: 5n }],
  ['other voters', { peers: { a: '127.0.0.1:1', b: '127.0.0.1:2' } }],
])('refuses the folder of a named cluster with %s', async (_, other) => {
  const peers = { a: await freeAddress() }
  const own = { self: 'a', peers, dataDir, cluster: 'billing' }
  const first = await start(own)
  await first.close()
  await expect(start({ ...own, listen: peers.a, ...other })).rejects.toMatchObject({
    code: 'CLUSTER_MISMATCH',
  })
})

it('turns away a client of a named cluster that counts other voters', async () => {
  const address = await freeAddress()
  await start({ self: 'a', peers: { a: address }, dataDir, cluster: 'billing' })
  const same = await start({ peers: { a: address }, cluster: 'billing' })
  expect((await same.status()).answers).toMatchObject([{ peer: 'a', cluster: 'billing' }])
  const other = await start({ peers: { a: address, b: '127.0.0.1:1' }, cluster: 'billing' })
  const { answers, silent } = await other.status()
  expect(answers).toEqual([])
  expect(silent.find(({ peer }) => peer === 'a')?.reason).toContain("cluster 'billing")
})

it('keeps the name of the cluster as the scope of its tokens', async () => {
  const peers = { a: await freeAddress() }
  const backend = await start({ self: 'a', peers, dataDir, cluster: 'billing', tokenBase: 7n })
  const { session, leave } = await backend.share({ candidateId: 'a' }, {})
  expect(session.scope).toBe('billing')
  await leave({})
})

async function freeAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}
