import { describe, expect, it } from 'vitest'
import { countingRandom } from '../../testing/election-stage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { Renewal } from '../backend.ts'
import type { EtcdCluster } from './cluster.ts'
import { KeepAlive } from './keep-alive.ts'

interface Asked {
  readonly atMs: number
  /** Seconds; 0 or less: the lease is gone. */
  answer(ttl: bigint, term?: bigint): void
}

/** One endpoint whose answers are the test's. */
function stage() {
  const clock = manualClock()
  const asked: Asked[] = []
  const renewals: Renewal[] = []
  const troubles: string[] = []
  const counts = { gone: 0, streams: 0, broken: 0 }
  let term = 0n
  const leaseKeepAlive = (requests: AsyncIterable<unknown>, { signal }: { signal: AbortSignal }) => {
    counts.streams++
    const answers: { TTL: bigint; header: { raftTerm: bigint } }[] = []
    let wake = (): void => undefined
    void (async () => {
      for await (const _ of requests) {
        const answer = (TTL: bigint, raftTerm = 1n): void => {
          answers.push({ TTL, header: { raftTerm } })
          wake()
        }
        asked.push({ atMs: clock.upper().monotonicMs, answer })
      }
    })()
    return (async function* () {
      for (;;) {
        const next = answers.shift()
        if (next !== undefined) yield next
        else
          await new Promise<void>((resolve, reject) => {
            wake = resolve
            signal.addEventListener('abort', () => reject(signal.reason))
          })
      }
    })()
  }
  const cluster = {
    ...{ clock, random: countingRandom(), closed: false },
    current: { api: { lease: { leaseKeepAlive } }, link: {} },
    headers: () => Promise.resolve({}),
    forgetToken: () => undefined,
    failed: () => void counts.broken++,
    isPresent: (told: bigint) => {
      if (told < term) return false
      term = told
      return true
    },
    pause: (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve)),
  } as unknown as EtcdCluster
  const keepAlive = new KeepAlive({
    ...{ cluster, lease: 7n, first: { sentAt: clock.upper(), grantedMs: 3000 } },
    renewed: (renewal) => renewals.push(renewal),
    gone: () => void counts.gone++,
    troubled: (error) => troubles.push(String(error)),
  })
  return { clock, asked, renewals, troubles, counts, keepAlive }
}

describe('the renewals of a lease', () => {
  it('count from the instant at which their request was sent, for the time that its answer granted', async () => {
    const { clock, asked, renewals, keepAlive } = stage()
    await clock.advanceAsync(0)
    const sentAtMs = asked[0]?.atMs
    await clock.advanceAsync(700)
    asked[0]?.answer(9n)
    await clock.advanceAsync(0)
    expect(renewals.map(({ sentAt, grantedMs }) => [sentAt.monotonicMs, grantedMs])).toEqual([
      [sentAtMs, 9000],
    ])
    keepAlive.stop()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('are asked for three times a lease, by what was granted last', async () => {
    const { clock, asked, keepAlive } = stage()
    for (let answered = 0; answered < 5;) {
      for (; answered < asked.length; answered++) asked[answered]?.answer(6n)
      await clock.advanceAsync(100)
    }
    const gapsMs = asked.slice(1).map(({ atMs }, index) => atMs - (asked[index]?.atMs ?? 0))
    // The first two go by the 3 s of the grant.
    expect(gapsMs.slice(0, 4).map((ms) => Math.round(ms))).toEqual([1000, 2000, 2000, 2000])
    keepAlive.stop()
  })

  it('go to a new stream when an answer takes more than 0.4 of the lease, and the trouble is told once', async () => {
    const { clock, asked, counts, troubles, keepAlive } = stage()
    const beganMs = clock.upper().monotonicMs
    await clock.advanceAsync(0)
    asked[0]?.answer(3n)
    await clock.advanceAsync(1000 + 1190)
    expect(counts.streams).toBe(1)
    await clock.advanceAsync(20)
    expect([counts.streams, counts.broken]).toEqual([2, 1])
    expect(troubles).toEqual([expect.stringContaining('no answer in 1200 ms')])
    // The new stream asked at once: there is time for this one before the deadline of 3000 ms.
    expect((asked.at(-1)?.atMs ?? Infinity) - beganMs).toBeLessThan(2300)
    keepAlive.stop()
  })

  it('that an older term of the servers answers do not count', async () => {
    const { clock, asked, renewals, counts, keepAlive } = stage()
    await clock.advanceAsync(0)
    asked[0]?.answer(3n, 5n)
    await clock.advanceAsync(1000)
    asked[1]?.answer(3n, 4n)
    await clock.advanceAsync(0)
    expect(renewals).toHaveLength(1)
    expect(counts.broken).toBe(1)
    keepAlive.stop()
  })

  it('end with the lease, which is told once', async () => {
    const { clock, asked, counts, keepAlive } = stage()
    await clock.advanceAsync(0)
    const waited = keepAlive.renewNow()
    asked[0]?.answer(0n)
    await clock.advanceAsync(0)
    await waited
    expect(counts.gone).toBe(1)
    await clock.advanceAsync(10_000)
    expect([counts.gone, counts.streams, clock.pendingTimers()]).toEqual([1, 1, 0])
  })
})
