/** Three peers of one engine as processes, killed with SIGKILL at random moments, one at a time and all at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { CandidateProcess, monotonicMs, type CandidateOptions, type Contest } from './candidate-process.ts'
import { breaches, grantsOf } from './grant-history.ts'
import { eventually, Loopback, peerTable } from './loopback.ts'

const seed = Number(process.env['MANDATE_SEED'] ?? 1)
/** Far above any lease and timeout of `fast`, and above a stall of a busy machine. */
const failoverBoundMs = 30_000

const contests: readonly Contest[] = [
  { name: 'by time', exclusivity: 'time' },
  { name: 'by token', exclusivity: 'token' },
  // Hand-overs all the time, so that kills fall between a release and the next grant.
  { name: 'in turn by time', exclusivity: 'time', holdMs: 40 },
  { name: 'in turn by token', exclusivity: 'token', holdMs: 25 },
]

/** Whatever they had acknowledged when they died is judged afterwards. Every grant is told the moment `campaign()` resolves. */
export function killPeersOf(engine: NonNullable<CandidateOptions['engine']>, kills: number): void {
  describe(engine, () => killEachOther(engine, kills))
}

function killEachOther(engine: NonNullable<CandidateOptions['engine']>, kills: number): void {
  let stage: Loopback
  const everybody: CandidateProcess[] = []
  const alive = new Map<string, CandidateProcess>()
  const killed = new Set<CandidateProcess>()

  beforeAll(() => void (stage = new Loopback()))
  afterAll(async () => {
    for (const each of alive.values()) each.kill('SIGKILL')
    await Promise.all(everybody.map(({ ended }) => ended))
    await stage.close()
  })

  test(`tokens never go back, leaders never overlap, and every failover comes (MANDATE_SEED=${seed})`, async () => {
    console.log(`kills: MANDATE_SEED=${seed}`)
    const random = seededRandom(seed)
    const between = (minMs: number, maxMs: number): number => minMs + random.next() * (maxMs - minMs)
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
    const peers = await peerTable('a', 'b', 'c')
    const ids = Object.keys(peers)

    const start = (id: string): void => {
      const options = {
        engine,
        peers,
        self: id,
        dataDir: stage.dataDir(id),
        timing: 'fast',
        contests,
      } as const
      const started = new CandidateProcess(options)
      everybody.push(started)
      alive.set(id, started)
    }
    const kill = (id: string): void => {
      const victim = alive.get(id)
      if (victim === undefined) return
      alive.delete(id)
      killed.add(victim)
      victim.kill('SIGKILL')
    }
    const leaderOf = (election: string): string | undefined => grantsOf(everybody, election).at(-1)?.by
    const story = (): string =>
      everybody
        .map(({ id, lines, stderr }) => `${id}: ${stderr} ${JSON.stringify(lines.slice(-6))}`)
        .join('\n')
    const elects = (election: string, afterMs: number): Promise<number> =>
      eventually(
        `a grant of '${election}' after ${afterMs}`,
        () => grantsOf([...alive.values()], election).find(({ at }) => at > afterMs)?.at,
        { withinMs: failoverBoundMs },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${story()}`)
      })

    for (const id of ids) start(id)
    await Promise.all(contests.map(({ name }) => elects(name, 0)))

    const takeovers: Record<string, number[]> = { 'by time': [], 'by token': [] }
    for (let turn = 1; turn <= kills; turn += 1) {
      await pause(between(0, 200))
      if (turn % 12 === 0) {
        const at = monotonicMs()
        for (const id of ids) kill(id)
        await Promise.all(everybody.map(({ ended }) => ended))
        for (const id of ids) start(id)
        await Promise.all(contests.map(({ name }) => elects(name, at)))
        continue
      }
      const aim = random.next()
      const target = aim < 0.5 ? leaderOf('by time') : aim < 0.8 ? leaderOf('by token') : undefined
      const victim = target ?? ids[Math.floor(random.next() * ids.length)] ?? 'a'
      const led = ['by time', 'by token'].filter((name) => leaderOf(name) === victim)
      const at = monotonicMs()
      kill(victim)
      const takenOver = Promise.all(
        [...led, 'in turn by time', 'in turn by token'].map(async (name) => {
          takeovers[name]?.push((await elects(name, at)) - at)
        }),
      )
      await pause(between(0, 150))
      // As a supervisor does: the kernel may still be freeing what the old process held.
      await Promise.all([...killed].map(({ ended }) => ended))
      start(victim)
      // Now and then the next kill comes while this one is still on its way back.
      if (random.next() < 0.7) await takenOver
      else await Promise.race([takenOver, pause(between(0, 300))])
      takenOver.catch(() => undefined)
    }
    await Promise.all(contests.map(({ name }) => elects(name, monotonicMs() - 1)).slice(2))

    for (const { name, exclusivity } of contests) {
      const grants = grantsOf(everybody, name)
      expect(breaches(grants, exclusivity), name).toEqual([])
      console.log(`'${name}': ${grants.length} grants${summary(takeovers[name])}`)
    }
    const refused = everybody.flatMap((each) => each.told('refused'))
    const unstarted = everybody
      .flatMap((each) => each.told('failure'))
      .filter(({ during }) => during === 'start')
    expect([refused, unstarted]).toEqual([[], []])
    expect(killed.size).toBeGreaterThanOrEqual(kills - 3)
  }, 240_000)

  test('told to close, every process ends by itself: no timer, socket or thread keeps it', async () => {
    const last = [...alive.values()]
    for (const each of last) await eventually('it runs', () => each.told('ready').at(0))
    for (const each of last) each.order('close')
    expect(await Promise.all(last.map(({ ended }) => ended))).toEqual(last.map(() => 0))
    for (const each of last) expect(each.stderr).toBe('')
    for (const each of killed) expect(await each.ended).toBe('SIGKILL')
  })
}

/** Reported, never asserted. */
function summary(times: readonly number[] | undefined): string {
  if (times === undefined || times.length === 0) return ''
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0)
  return `, ${sorted.length} takeovers after SIGKILL: p50 ${at(0.5)} ms, most ${at(1)} ms`
}
