import { describe, expect, it } from 'vitest'
import { countingRandom } from '../../testing/election-stage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { EtcdCluster, type Endpoint } from './cluster.ts'
import type { EtcdApi } from './grpc.ts'
import { withdraw } from './requests.ts'

function stage() {
  const clock = manualClock()
  let drops = 0
  const link = { authority: 'http://one:2379', drop: () => void drops++, close: () => Promise.resolve() }
  const endpoint = { link, api: {} } as unknown as Endpoint
  const cluster = new EtcdCluster({
    ...{ endpoints: [endpoint], credentials: undefined, attemptMs: 1000, clock },
    random: countingRandom(),
  })
  return { clock, cluster, drops: () => drops }
}

const never = (): Promise<never> => new Promise(() => undefined)

describe('a call', () => {
  it('that its caller gives up may have been carried out, and costs nobody else the connection', async () => {
    const { cluster, drops } = stage()
    const abort = new AbortController()
    let uncertain = 0
    const limits = { signal: abort.signal, withinMs: 5000, uncertain: () => void uncertain++ }
    const called = cluster.call(never, limits)
    // As of a user: no error of ours.
    abort.abort()
    await expect(called).rejects.toMatchObject({ code: 'CANCELLED' })
    expect([uncertain, drops()]).toEqual([1, 0])
  })

  it('that nobody answers costs the connection', async () => {
    const { clock, cluster, drops } = stage()
    const called = cluster.call(never, { withinMs: 500 })
    const refused = expect(called).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    await clock.advanceAsync(1000)
    await refused
    expect(drops()).toBe(1)
  })
})

describe('the removal of a key', () => {
  it('whose revision is not known removes what is there, and nothing that comes there later', async () => {
    const compared: unknown[] = []
    const kv = {
      range: () => Promise.resolve({ kvs: [{ createRevision: 42n }] }),
      txn: ({ compare }: { compare: { targetUnion: { value: bigint } }[] }) => {
        compared.push(...compare.map(({ targetUnion: { value } }) => value))
        return Promise.resolve({ succeeded: false, responses: [] })
      },
    }
    const context = { signal: new AbortController().signal, headers: {} }
    expect(await withdraw('x/1', undefined)({ kv } as unknown as EtcdApi, context)).toBe(false)
    expect(compared).toEqual([42n])
  })
})
