/** One election of `consul lock` and of ours: at most one leads, and it goes both ways, in an orderly way and by a crash. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CandidateProcess } from '../../chaos/candidate-process.ts'
import { judge } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { ConsulServers } from '../consul.ts'
import { NativeLock } from './native-lock.ts'

const checkMs = 1000
let servers: ConsulServers
let count = 0
const living: { kill(signal: 'SIGKILL'): unknown }[] = []

beforeAll(async () => {
  servers = await ConsulServers.start()
})
afterEach(() => {
  for (const each of living.splice(0)) each.kill('SIGKILL')
})
afterAll(() => servers.close())

function contest() {
  const election = `interop-${++count}`
  const prefix = `leaders/${election}`
  const key = `${prefix}/.lock`
  return {
    ...{ prefix, key },
    ours: (id: string, observes = false) => {
      const options = { address: servers.first.address, prefix: 'leaders', checkMs }
      const backend = { module: 'mandate/consul', factory: 'consul', options }
      const candidate = new CandidateProcess({ backend, id, election, observes, metadata: { role: 'test' } })
      living.push(candidate)
      return candidate
    },
    theirs: () => {
      const lock = new NativeLock(servers, prefix)
      living.push(lock)
      return lock
    },
    entry: async () => ((await servers.first.get(`/v1/kv/${key}`)) as { Session?: string }[] | null)?.[0],
  }
}

describe('in one election with consul lock', () => {
  it('takes over from ours to theirs and back, each in an orderly way, and sees the other', async () => {
    const { ours, theirs, key, prefix } = contest()
    const a = ours('a')
    await a.leadership()
    const seen = JSON.parse(await servers.cli('kv', 'get', key)) as { id: string; metadata: unknown }
    expect(seen).toMatchObject({ id: 'a', metadata: { role: 'test' } })
    const lock = theirs()
    await waitsAtTheKey(prefix)
    expect(lock.leads).toBe(false)
    a.close()
    await lock.leadership()
    const b = ours('b', true)
    await eventually('b to see who leads', () =>
      b.told('observed').find(({ leader }) => leader?.startsWith('Consul lock for') === true),
    )
    await lock.stop()
    await b.leadership()
    expect(judge([a, b], lock.tenures())).toMatchObject({ overlapMs: 0, leaderships: 3, tokenRegressions: 0 })
  })

  it('is followed by theirs after it crashed', async () => {
    const { ours, theirs, prefix } = contest()
    const a = ours('a')
    await a.leadership()
    const lock = theirs()
    await waitsAtTheKey(prefix)
    a.kill('SIGKILL')
    // The check fails after 1 s, the lock delay is 250 ms, and theirs tries again after 5 s.
    await lock.leadership()
    expect(judge([a], lock.tenures())).toMatchObject({ overlapMs: 0, leaderships: 2 })
  })

  it('follows theirs after it crashed, and tells the lock delay from a holder', async () => {
    const { ours, theirs, entry } = contest()
    const lock = theirs()
    await lock.leadership()
    const a = ours('a', true)
    await eventually('a to see who leads', () =>
      a.told('observed').find(({ leader }) => leader?.startsWith('Consul lock for') === true),
    )
    const session = (await entry())?.Session
    await lock.kill()
    // Its session would live for 15 to 30 s more. Its end by an operator has the same lock delay as that by expiry: 15 s.
    await servers.first.put(`/v1/session/destroy/${session}`)
    await a.leadership()
    await eventually('a to see itself', () => a.told('observed').find(({ leader }) => leader === 'a'))
    expect(judge([a], lock.tenures())).toMatchObject({ overlapMs: 0, leaderships: 2 })
  }, 60_000)

  it('leaves a key that a semaphore or a configuration has as it is', async () => {
    const { ours, key } = contest()
    // What `consul lock -n 2` writes, and what a client writes that drops the flags.
    for (const flags of ['16210313421097356768', '0']) {
      await servers.first.put(`/v1/kv/${key}?flags=${flags}`, 'theirs')
      const a = ours(`with flags ${flags}`)
      const refusal = await eventually('a refusal', () => a.told('refused')[0])
      expect(refusal.code).toBe('INVALID_NAME')
      expect(refusal.message).toContain(flags === '0' ? 'has flags 0' : 'semaphore')
      expect(await servers.cli('kv', 'get', key)).toBe('theirs')
    }
  })

  it('leaves a key to theirs after a release: flags and all', async () => {
    const { ours, theirs } = contest()
    const a = ours('a')
    await a.leadership()
    a.close()
    await a.ended
    const lock = theirs()
    await lock.leadership()
    await lock.stop()
  })
})

/** `consul lock` tells nobody that it waits, but it makes its session before. */
async function waitsAtTheKey(prefix: string): Promise<void> {
  await eventually('consul lock to wait', async () => {
    const sessions = (await servers.first.get('/v1/session/list')) as { readonly Name: string }[]
    return sessions.find(({ Name }) => Name.startsWith('Consul lock for') && Name.includes(`'${prefix}'`))
  })
}
