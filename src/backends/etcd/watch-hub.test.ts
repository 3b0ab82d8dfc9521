import { describe, expect, it } from 'vitest'
import { countingRandom } from '../../testing/election-stage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { EtcdCluster } from './cluster.ts'
import type { WatchResponse } from './rpc.generated.ts'
import { WatchHub, type WatchEvents } from './watch-hub.ts'

const checkMs = 1000

type Told = Partial<Omit<WatchResponse, '$typeName'>>

interface Stream {
  /** Ids of the watches that were asked for on it. */
  readonly created: bigint[]
  tell(reply: Told): void
}

/** One endpoint whose streams are the test's, and which answers reads as long as `answers` says so. */
function stage() {
  const clock = manualClock()
  const streams: Stream[] = []
  const counts = { broken: 0, forgotten: 0, asked: 0 }
  const server = { answers: true }
  const watch = (requests: AsyncIterable<Request>, { signal }: { signal: AbortSignal }) => {
    const replies: Told[] = []
    let wake = (): void => undefined
    const created: bigint[] = []
    streams.push({ created, tell: (reply) => (replies.push(reply), wake()) })
    void (async () => {
      for await (const { request } of requests)
        if (request.case === 'create') created.push(request.value.watchId)
    })()
    return (async function* () {
      for (;;) {
        const next = replies.shift()
        if (next !== undefined) {
          yield { watchId: 0n, created: false, canceled: false, compactRevision: 0n, events: [], ...next }
          continue
        }
        await new Promise<void>((resolve, reject) => {
          wake = resolve
          const abort = (): void => reject(signal.reason as Error)
          if (signal.aborted) abort()
          signal.addEventListener('abort', abort)
        })
      }
    })()
  }
  const cluster = {
    ...{ clock, random: countingRandom(), closed: false },
    current: { api: { watch: { watch } }, link: { heardMs: Number.NEGATIVE_INFINITY } },
    headers: () => Promise.resolve({}),
    forgetToken: () => void counts.forgotten++,
    failed: () => void counts.broken++,
    attempt: () => {
      counts.asked++
      return server.answers ? Promise.resolve({}) : Promise.reject(new Error('no answer'))
    },
    pause: (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve)),
  } as unknown as EtcdCluster
  return { clock, streams, counts, server, hub: new WatchHub(cluster, checkMs) }
}

interface Request {
  readonly request: { readonly case: string; readonly value: { readonly watchId: bigint } }
}

const target = (key: string) => ({ key, isPrefix: false, fromRevision: 5n })

function listener() {
  const told: string[] = []
  const on: WatchEvents = {
    events: (events) => told.push(...events.map(({ is }) => is)),
    compacted: () => told.push('compacted'),
    refused: ({ code }) => told.push(code),
  }
  return { told, on }
}

const deletion = { type: 1, kv: { modRevision: 7n } } as unknown as WatchResponse['events'][number]

describe('a watch that is refused from the start, which the server tells under no id', () => {
  it('is asked for again with a new auth token, if that had run out', async () => {
    const { clock, streams, counts, hub } = stage()
    const { told, on } = listener()
    hub.watch(target('a/1'), listener().on)
    await clock.advanceAsync(0)
    streams[0]?.tell({ watchId: 1n, created: true })
    await clock.advanceAsync(0)
    hub.watch(target('a/2'), on)
    await clock.advanceAsync(0)
    const cancelReason = 'etcdserver: invalid auth token'
    streams[0]?.tell({ watchId: -1n, created: true, canceled: true, cancelReason })
    await clock.advanceAsync(200)
    expect(streams[1]?.created).toEqual([1n, 2n])
    expect(counts).toMatchObject({ forgotten: 1, broken: 0 })
    streams[1]?.tell({ watchId: 2n, events: [deletion] })
    await clock.advanceAsync(0)
    expect(told).toEqual(['deleted'])
    hub.close()
  })

  it('is told, and the others go on', async () => {
    const { clock, streams, hub } = stage()
    const [first, second] = [listener(), listener()]
    hub.watch(target('a/1'), first.on)
    hub.watch(target('b/2'), second.on)
    await clock.advanceAsync(0)
    streams[0]?.tell({ watchId: 1n, created: true })
    const cancelReason = 'etcdserver: permission denied'
    streams[0]?.tell({ watchId: -1n, created: true, canceled: true, cancelReason })
    streams[0]?.tell({ watchId: 1n, events: [deletion] })
    await clock.advanceAsync(0)
    expect([first.told, second.told]).toEqual([['deleted'], ['FORBIDDEN']])
    expect(streams).toHaveLength(1)
    hub.close()
  })
})

describe('the last watch that closes, and one that comes at the same instant', () => {
  it('cost no connection', async () => {
    const { clock, streams, counts, hub } = stage()
    const first = hub.watch(target('a/1'), listener().on)
    await clock.advanceAsync(0)
    first.close()
    hub.watch(target('a/1'), listener().on)
    await clock.advanceAsync(500)
    expect(streams.at(-1)?.created).toEqual([2n])
    expect([streams.length, counts.broken]).toEqual([2, 0])
    hub.close()
  })

  it('leave the silence of the connection watched over', async () => {
    const { clock, streams, counts, server, hub } = stage()
    const first = hub.watch(target('a/1'), listener().on)
    await clock.advanceAsync(0)
    first.close()
    hub.watch(target('a/1'), listener().on)
    await clock.advanceAsync(500)
    server.answers = false
    await clock.advanceAsync(3 * checkMs)
    expect(counts.asked).toBeGreaterThan(0)
    expect(streams.length).toBeGreaterThan(2)
    hub.close()
    expect(clock.pendingTimers()).toBe(0)
  })
})
