/** `mandate/paxos` over real sockets and folders; the conformance suite plays it on virtual time (`src/backends/paxos.test.ts`). */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { paxos, type PaxosBackend } from '../../src/backends/paxos.ts'
import { raft } from '../../src/backends/raft.ts'
import { createElection, type ElectionState } from '../../src/index.ts'
import { peerTable, type Peers } from './loopback.ts'

vi.setConfig({ testTimeout: 60_000 })

let folder = ''
let peers: Peers = {}
let open: { close(): Promise<void> }[] = []
let failures: string[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-paxos-'))
  peers = await peerTable('a', 'b', 'c')
  open = []
  failures = []
})

afterEach(async () => {
  await Promise.all(open.map((one) => one.close()))
  rmSync(folder, { recursive: true, force: true })
})

function onBackgroundFailure({ error }: { readonly error: unknown }): void {
  failures.push(error instanceof Error ? error.message : '')
}

async function started(self: string): Promise<PaxosBackend> {
  const backend = paxos({ self, peers, dataDir: join(folder, self), onBackgroundFailure })
  open.push(backend)
  await backend.start()
  return backend
}

it('elects over TCP, hands over to a client, and shows it to an observer', async () => {
  const [a] = await Promise.all(['a', 'b', 'c'].map(started))
  const client = paxos({ peers, onBackgroundFailure })
  open.push(client)
  const first = createElection({ name: 'billing', backend: a as PaxosBackend })
  const second = createElection({ name: 'billing', backend: client, candidate: { id: 'client' } })
  const leadership = await first.campaign()
  const next = second.campaign()
  await vi.waitUntil(
    async () => {
      const { answers } = await client.status()
      return answers.every(({ elections }) => elections[0]?.waiting.some(({ id }) => id === 'client'))
    },
    { timeout: 20_000 },
  )
  expect(await leadership.transfer('client')).toBe('done')
  const successor = await next
  expect(successor.token).toBeGreaterThan(leadership.token)
  await vi.waitUntil(async () => observed(await first.current()) === 'client', { timeout: 20_000 })
  await second.close()
  await first.close()
})

it('gives higher tokens after all peers were stopped and started again', async () => {
  const tokens: bigint[] = []
  for (let life = 0; life < 2; life += 1) {
    const backends = await Promise.all(['a', 'b', 'c'].map(started))
    const election = createElection({ name: 'billing', backend: backends[life] as PaxosBackend })
    tokens.push((await election.campaign()).token)
    await election.close()
    await Promise.all(open.splice(0).map((one) => one.close()))
  }
  expect(tokens[1]).toBeGreaterThan(tokens[0] as bigint)
})

it('is refused by a peer of another engine, and both engines are named', async () => {
  await Promise.all([started('a'), started('b')])
  const other = raft({ self: 'c', peers, dataDir: join(folder, 'c'), onBackgroundFailure })
  open.push(other)
  await other.start()
  const refusal = /speaks paxos, not raft/
  await vi.waitUntil(() => failures.some((message) => refusal.test(message)), { timeout: 20_000 })
})

function observed(state: ElectionState): string | null {
  return state.type === 'led' ? state.leader.id : null
}
