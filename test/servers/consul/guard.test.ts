/** Writes into Consul's store under a token, with a leader that is a process of its own and is really paused. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { consulGuard } from '../../../src/fencing/consul-guard.ts'
import type { Fence } from '../../../src/fencing/guard.ts'
import { CandidateProcess } from '../../chaos/candidate-process.ts'
import { eventually } from '../../integration/loopback.ts'
import { ConsulServers } from '../consul.ts'

let servers: ConsulServers
const living: CandidateProcess[] = []

beforeAll(async () => {
  servers = await ConsulServers.start()
})
afterEach(() => {
  for (const each of living.splice(0)) each.kill('SIGKILL')
})
afterAll(() => servers.close())

function stand(id: string, election: string): CandidateProcess {
  const options = { address: servers.first.address, prefix: election, checkMs: 1000 }
  const backend = { module: 'mandate/consul', factory: 'consul', options }
  const candidate = new CandidateProcess({ backend, id, election })
  living.push(candidate)
  return candidate
}

const guardOf = (election: string) =>
  consulGuard({ url: `http://${servers.first.address}`, prefix: election })
const fenceOf = (election: string, { token, scope }: { token: string; scope: string }): Fence => ({
  token: BigInt(token),
  scope,
  election,
})
const write = (value: string) => [{ verb: 'set', key: 'billing/last', value }] as const

describe('the guard of Consul', () => {
  it('refuses the write of a leader that was stopped while another took over', async () => {
    const [election, guard] = ['stopped', guardOf('stopped')]
    const a = stand('a', election)
    const first = fenceOf(election, await a.leadership())
    expect(await guard.write(first, write('a'))).toEqual({ is: 'written' })
    const b = stand('b', election)
    a.stop()
    const second = fenceOf(election, await b.leadership())
    await expect(guard.write(first, write('a, late'))).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
    expect(await guard.write(second, write('b'))).toEqual({ is: 'written' })
    a.cont()
    await eventually('a to know', () => a.told('lost')[0])
    await expect(guard.write(first, write('a, later'))).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
    expect(await servers.cli('kv', 'get', 'billing/last')).toBe('b')
  })

  it('refuses after the session ended, although nobody has followed', async () => {
    const [election, guard] = ['vacant', guardOf('vacant')]
    const a = stand('a', election)
    const first = fenceOf(election, await a.leadership())
    a.kill('SIGKILL')
    await eventually('the key to be free', async () => {
      const entries = (await servers.first.get(`/v1/kv/${election}/${election}/.lock`)) as {
        Session?: string
      }[]
      return entries[0]?.Session === undefined ? true : undefined
    })
    await expect(guard.write(first, write('a'))).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' })
  })

  it('tells a refusal by Consul for another reason from one by the token, and writes nothing of it', async () => {
    const [election, guard] = ['others', guardOf('others')]
    const fence = fenceOf(election, await stand('a', election).leadership())
    const result = await guard.write(fence, [
      { verb: 'set', key: 'others/one', value: '1' },
      { verb: 'cas', key: 'others/two', value: '2', index: 12345n },
    ])
    expect(result).toMatchObject({ is: 'refused' })
    await expect(servers.cli('kv', 'get', 'others/one')).rejects.toThrow()
    expect(await guard.write(fence, [{ verb: 'cas', key: 'others/two', value: '2', index: 0n }])).toEqual({
      is: 'written',
    })
    expect(await guard.write(fence, [{ verb: 'delete', key: 'others/two' }])).toEqual({ is: 'written' })
  })

  it('never compares tokens of two scopes', async () => {
    const [election, guard] = ['scopes', guardOf('scopes')]
    const fence = fenceOf(election, await stand('a', election).leadership())
    await expect(guard.write({ ...fence, scope: 'consul:dc9' }, write('a'))).rejects.toMatchObject({
      code: 'CLUSTER_MISMATCH',
      details: { expected: 'consul:dc1', actual: 'consul:dc9' },
    })
  })
})
