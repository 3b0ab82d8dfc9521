import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { etcd } from '../../../src/backends/etcd.ts'
import { etcdGuard, fenceOf } from '../../../src/fencing/index.ts'
import { createElection } from '../../../src/index.ts'
import { eventually, refusal } from '../../integration/loopback.ts'
import { EtcdEnsemble } from '../etcd.ts'

const program = fileURLToPath(new URL('./fixtures/writer.mjs', import.meta.url))
const ends: (() => unknown)[] = []
let servers: EtcdEnsemble
let address = ''

beforeAll(async () => {
  servers = await EtcdEnsemble.start({ folder: 'memory' })
  address = servers.addresses[0] ?? ''
})

afterAll(async () => {
  for (const end of ends) await end()
  await servers.close()
})

function candidate(name: string, id: string, tokenBase = 0n) {
  const backend = etcd({ endpoints: [address], ttlMs: 2000, tokenBase, onBackgroundFailure: () => undefined })
  ends.push(() => backend.close())
  return createElection({ name, backend, candidate: { id } })
}

const guard = () => etcdGuard({ endpoints: [`http://${address}`] })

it('a leader that was paused past its lease writes no more, and its successor does', async () => {
  const child = spawn(process.execPath, [program, address, 'paused'], { stdio: ['pipe', 'pipe', 'inherit'] })
  ends.push(() => child.kill('SIGKILL'))
  const told: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => told.push(line))
  await eventually('the child to lead', () => told.includes('leads') || undefined)
  child.stdin.write('first\n')
  await eventually('a write', () => told.includes('wrote first') || undefined)

  child.kill('SIGSTOP')
  const next = await candidate('paused', 'next').campaign()
  await guard().write(fenceOf(next), [{ put: 'ledger', value: 'second' }])
  child.kill('SIGCONT')
  child.stdin.write('third\n')
  await eventually('an answer', () => told[2])
  expect(told).toEqual(['leads', 'wrote first', 'refused LEADERSHIP_LOST'])
  expect(await servers.etcdctl('get', 'ledger', '--print-value-only')).toBe('second')
})

it('a leader that resigned writes no more, all writes of one call or none are made', async () => {
  const leadership = await candidate('resigned', 'a').campaign()
  const fence = fenceOf(leadership)
  const { write } = guard()
  const { revision } = await write(fence, [
    { put: 'x', value: '1' },
    { put: 'y', value: new Uint8Array([50]) },
  ])
  expect(revision).toBeGreaterThan(fence.token)
  await write(fence, [{ delete: 'x' }])
  expect(await servers.etcdctl('get', 'x')).toBe('')
  expect(await servers.etcdctl('get', 'y', '--print-value-only')).toBe('2')
  await leadership.resign()
  expect((await refusal(() => write(fence, [{ put: 'y', value: '3' }]))).code).toBe('LEADERSHIP_LOST')
  expect(await servers.etcdctl('get', 'y', '--print-value-only')).toBe('2')
})

it('a token base is taken off, and another scope is not compared', async () => {
  const leadership = await candidate('based', 'a', 1_000_000n).campaign()
  const fence = fenceOf(leadership)
  const based = etcdGuard({ endpoints: [`http://${address}`], tokenBase: 1_000_000n })
  await based.write(fence, [{ put: 'based', value: '1' }])
  const { key, createRevision } = await based.condition(fence)
  expect(key).toMatch(/^based\/[0-9a-f]+$/)
  expect(createRevision).toBe(fence.token - 1_000_000n)
  const foreign = { ...fence, scope: '42' }
  expect((await refusal(() => guard().write(foreign, [{ put: 'based', value: '2' }]))).code).toBe(
    'CLUSTER_MISMATCH',
  )
  expect(await servers.etcdctl('get', 'based', '--print-value-only')).toBe('1')
})

it('says what was tried when nobody answers', async () => {
  const leadership = await candidate('nobody', 'a').campaign()
  const nowhere = etcdGuard({ endpoints: ['http://127.0.0.1:1'] })
  expect((await refusal(() => nowhere.write(fenceOf(leadership), []))).message).toContain(
    'http://127.0.0.1:1 (',
  )
  expect((await refusal(() => etcdGuard({ endpoints: ['127.0.0.1:1'] }))).code).toBe('INVALID_OPTIONS')
})
