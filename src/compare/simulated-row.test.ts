import { describe, expect, it } from 'vitest'
import { contenders } from './contenders.ts'
import type { ComparedMode, ComparedRow } from './row.ts'
import { simulatedRow } from './simulated-row.ts'

const schedule = { peers: 3, timing: 'fast', seed: 1, trials: 3, idleMs: 2000, lossMs: 5000 } as const
const { leaseMs, electionTimeoutMs } = { leaseMs: 150, electionTimeoutMs: 300 }

async function rowOf(name: string, exclusivity: ComparedMode): Promise<ComparedRow> {
  const contender = contenders.find((one) => one.name === name && one.exclusivity.includes(exclusivity))
  if (contender === undefined) throw new Error(`no engine is called ${name}`)
  return simulatedRow(contender, exclusivity, schedule)
}

describe.concurrent('the same faults for every engine', () => {
  for (const { name } of contenders.filter(({ quorum }) => quorum)) {
    it(`${name}, time: nobody leads beside another, and a crash is waited out`, async () => {
      const row = await rowOf(name, 'time')
      expect(row.twoBelieversMs).toEqual({ total: 0, max: 0 })
      expect(row.failoverMs.crash.n).toBe(3)
      // What of the lease has passed by the moment of the crash is not waited for again: a heartbeat of 50 ms at most.
      expect(row.failoverMs.crash.min).toBeGreaterThan(leaseMs - 100)
      expect(row.failoverMs.gracefulStop.p50).toBeLessThan(leaseMs - 100)
      expect(row.idlePerSecond.messages).toBeGreaterThan(0)
    })

    it(`${name}, token: a crash is evidence, a partition is silence`, async () => {
      const { failoverMs } = await rowOf(name, 'token')
      expect(failoverMs.crash.p50).toBeLessThan(leaseMs - 100)
      expect(failoverMs.silentPartition.min).toBeGreaterThan(failoverMs.crash.p50 ?? 0)
      expect(failoverMs.silentPartition.p50).toBeLessThan(leaseMs + 2 * electionTimeoutMs)
    })
  }

  it('bully without a quorum: whoever is cut off leads on, and one of the two stops when it is back', async () => {
    const row = await rowOf('bully', 'none')
    expect(row).toMatchObject({ engine: 'bully', quorum: false, exclusivity: 'none' })
    const { crash, silentPartition, gracefulStop } = row.failoverMs
    expect(crash.p50).toBeLessThan(leaseMs - 100)
    expect(gracefulStop.p50).toBeLessThan(leaseMs - 100)
    expect(silentPartition.min).toBeGreaterThan(leaseMs - 100)
    // For as long as each isolation lasts, and a little longer: the two have to meet first.
    expect(row.twoBelieversMs.max).toBeGreaterThan(leaseMs)
    expect(row.twoBelieversMs.max).toBeLessThan(6 * leaseMs)
  })

  it('an election of Paxos changes hands without a disk, one of Raft does not', async () => {
    const [paxos, raft] = await Promise.all([rowOf('paxos', 'time'), rowOf('raft', 'time')])
    expect(paxos.perFailover.diskWrites).toBe(0)
    expect(raft.perFailover.diskWrites).toBeGreaterThan(0)
  })

  it('the same seed gives the same row, another seed another', async () => {
    const [paxos] = contenders.filter(({ name }) => name === 'paxos')
    if (paxos === undefined) throw new Error('no paxos')
    const play = (seed: number) => simulatedRow(paxos, 'token', { ...schedule, seed })
    const [one, again, other] = [await play(7), await play(7), await play(8)]
    expect(again).toEqual(one)
    expect(other).not.toEqual(one)
  })
})
