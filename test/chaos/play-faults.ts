/**
 * The same faults against every store: a leader and a successor, each a process of its own behind proxies of its own, and
 * servers that are hurt as well. Whatever happens, no two of them may be right to think that they lead, tokens grow, and
 * in the end somebody leads.
 */
import { afterAll, describe, expect, it, vi } from 'vitest'
import { eventually } from '../integration/loopback.ts'
import { FaultProxy } from '../servers/proxy.ts'
import { CandidateProcess, monotonicMs, type BackendChoice } from './candidate-process.ts'
import { judge, type Verdict } from './oracle.ts'

export interface FaultServers {
  /** `host:port` of each. */
  readonly addresses: readonly string[]
  /** What a candidate needs to reach them at these addresses. */
  backend(addresses: readonly string[]): BackendChoice
  /** Ends the session of whoever leads, as an operator does. */
  revokeSession(election: string): Promise<unknown>
  /** Deletes the key of whoever leads, as an operator does. */
  deleteKey(election: string): Promise<unknown>
  /** The server that leads the others, or the only one. */
  leader(): Promise<HurtServer>
  close(): Promise<void>
}

interface HurtServer {
  kill(): Promise<void>
  /** With what it had stored. */
  restart(): Promise<void>
  stop(): void
  cont(): void
}

export interface FaultSuite {
  readonly name: string
  /** How long a silent leader's grant lasts at the store at most. */
  readonly expiryMs: number
  /** What the deletion of the leader's key does: where it frees nobody, its leader writes it again. @default 'frees' */
  readonly deletion?: 'frees' | 'frees nobody'
  /** Who may lead after an operator ended the leader's session: where candidates race, it may win again. @default 'successor' */
  readonly revocation?: 'successor' | 'either'
  /** Cases side by side: each has two processes. @default 3 */
  readonly concurrency?: number
  start(): Promise<FaultServers>
}

class Stage {
  readonly servers: FaultServers
  readonly expiryMs: number
  readonly deletionFrees: boolean
  readonly revokedMayWin: boolean
  readonly election = 'faults'
  readonly #all: CandidateProcess[] = []
  readonly #proxies = new Map<CandidateProcess, readonly FaultProxy[]>()

  constructor(servers: FaultServers, { expiryMs, deletion = 'frees', revocation }: FaultSuite) {
    this.servers = servers
    this.expiryMs = expiryMs
    this.deletionFrees = deletion === 'frees'
    this.revokedMayWin = revocation === 'either'
  }

  async candidate(
    id: string,
    hurt: (proxy: FaultProxy) => void = () => undefined,
  ): Promise<CandidateProcess> {
    const proxies = await FaultProxy.toAll(this.servers.addresses)
    for (const proxy of proxies) hurt(proxy)
    const backend = this.servers.backend(proxies.map(({ address }) => address))
    const candidate = new CandidateProcess({ id, backend, election: this.election })
    this.#all.push(candidate)
    this.#proxies.set(candidate, proxies)
    return candidate
  }

  proxies(candidate: CandidateProcess): readonly FaultProxy[] {
    return this.#proxies.get(candidate) ?? []
  }

  async heal(candidate: CandidateProcess): Promise<void> {
    await Promise.all(this.proxies(candidate).map((proxy) => proxy.heal()))
  }

  judge(): Verdict {
    return judge(this.#all)
  }

  /** Somebody leads, and goes on for a while. */
  async settles(): Promise<void> {
    await eventually(
      'somebody to lead',
      () => (this.#all.some(({ leads }) => leads !== undefined) ? true : undefined),
      { withinMs: 3 * this.expiryMs + 20_000 },
    )
  }

  async close(): Promise<void> {
    for (const candidate of this.#all) candidate.kill('SIGKILL')
    await Promise.all(this.#all.map(({ ended }) => ended))
    await Promise.all([...this.#proxies.values()].flat().map((proxy) => proxy.close()))
    await this.servers.close()
  }
}

interface FaultCase {
  readonly claim: string
  /** An operator takes the leadership away: both may believe until the leader's watch tells. */
  readonly byOperator?: true
  /** Gives the instant of the fault and, if the successor must have led, when. */
  run(stage: Stage): Promise<{ readonly faultAt: number; readonly ledAt?: number }>
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** a leads, b waits. */
async function pair(stage: Stage): Promise<readonly [CandidateProcess, CandidateProcess]> {
  const a = await stage.candidate('a')
  await a.leadership()
  const b = await stage.candidate('b')
  await eventually('b to start', () => b.told('ready')[0])
  await pause(500)
  return [a, b]
}

/** Hurts the leader, and waits for its successor. */
function takeover(
  hurt: (stage: Stage, a: CandidateProcess) => unknown,
  after?: (stage: Stage, a: CandidateProcess) => unknown,
) {
  return async (stage: Stage) => {
    const [a, b] = await pair(stage)
    const faultAt = monotonicMs()
    await hurt(stage, a)
    const led = await b.leadership(faultAt, 3 * stage.expiryMs + 20_000)
    await after?.(stage, a)
    return { faultAt, ledAt: led.at }
  }
}

/** A fault after which either may lead. */
function either(hurt: (stage: Stage, a: CandidateProcess, b: CandidateProcess) => unknown) {
  return async (stage: Stage) => {
    const [a, b] = await pair(stage)
    const faultAt = monotonicMs()
    await hurt(stage, a, b)
    return { faultAt }
  }
}

/** Long enough for a leader that came back to say something wrong. */
const afterwards = async (stage: Stage, a: CandidateProcess): Promise<void> => {
  a.cont()
  await stage.heal(a)
  await pause(stage.expiryMs / 2)
}

const cases: readonly FaultCase[] = [
  { claim: 'the leader is killed', run: takeover((_, a) => a.kill('SIGKILL')) },
  {
    claim: 'the leader is stopped past its lease, and goes on',
    run: takeover((_, a) => a.stop(), afterwards),
  },
  {
    claim: 'the event loop of the leader is blocked past its lease',
    run: takeover(({ expiryMs }, a) => a.block(2 * expiryMs), afterwards),
  },
  {
    claim: 'nothing passes between the leader and the servers',
    run: takeover((stage, a) => stage.proxies(a).forEach((proxy) => proxy.blackHole()), afterwards),
  },
  {
    claim: 'what the leader sends arrives, and no answer comes back',
    run: takeover(
      (stage, a) => stage.proxies(a).forEach((proxy) => proxy.blackHole('down')),
      async (stage, a) => {
        await Promise.all(stage.proxies(a).map((proxy) => proxy.heal({ held: 'drop' })))
        await afterwards(stage, a)
      },
    ),
  },
  {
    claim: 'the connections of both are reset again and again',
    run: either(async (stage, a, b) => {
      for (let turn = 0; turn < 8; turn++) {
        for (const proxy of [...stage.proxies(a), ...stage.proxies(b)]) proxy.reset()
        await pause(stage.expiryMs / 5)
      }
    }),
  },
  {
    claim: 'answers to the leader are cut in the middle of a frame',
    run: either(async (stage, a) => {
      for (let bytes = 1; bytes < 40; bytes += 6) {
        for (const proxy of stage.proxies(a)) proxy.cutAfter(bytes)
        await pause(stage.expiryMs / 5)
      }
    }),
  },
  {
    claim: 'the network of the leader is slow',
    run: either(async (stage, a) => {
      for (const proxy of stage.proxies(a)) proxy.delay(stage.expiryMs / 6)
      await pause(2 * stage.expiryMs)
      await stage.heal(a)
    }),
  },
  {
    claim: 'the reply to a campaign is lost after it took effect',
    run: async (stage) => {
      const a = await stage.candidate('a')
      await a.leadership()
      const b = await stage.candidate('b', (proxy) =>
        proxy.loseReply((piece) => piece.includes(stage.election)),
      )
      await eventually('the loss of a reply', () =>
        stage.proxies(b).some(({ armed }) => !armed) ? true : undefined,
      )
      await pause(stage.expiryMs / 2)
      const faultAt = monotonicMs()
      a.resign()
      const led = await b.leadership(faultAt, 3 * stage.expiryMs + 20_000)
      return { faultAt, ledAt: led.at }
    },
  },
  {
    claim: 'the leader of the servers is killed',
    run: either(async (stage) => {
      const server = await stage.servers.leader()
      await server.kill()
      await pause(2 * stage.expiryMs)
      await server.restart()
    }),
  },
  {
    claim: 'the leader of the servers is paused, and goes on',
    run: either(async (stage) => {
      const server = await stage.servers.leader()
      server.stop()
      await pause(2 * stage.expiryMs)
      server.cont()
      await pause(stage.expiryMs)
    }),
  },
  {
    claim: 'an operator ends the session of the leader',
    byOperator: true,
    run: async (stage) => {
      const hurt = ({ servers }: Stage): Promise<unknown> => servers.revokeSession(stage.election)
      if (!stage.revokedMayWin) return takeover(hurt, afterwards)(stage)
      const fault = await either(hurt)(stage)
      await eventually('the next leadership', () => stage.judge().leaderships > 1 || undefined)
      return fault
    },
  },
  {
    claim: 'an operator deletes the key of the leader',
    byOperator: true,
    run: async (stage) => {
      const hurt = ({ servers }: Stage): Promise<unknown> => servers.deleteKey(stage.election)
      if (stage.deletionFrees) return takeover(hurt, afterwards)(stage)
      const fault = await either(hurt)(stage)
      await pause(2 * stage.expiryMs)
      expect(stage.judge().leaderships, 'leaderships').toBe(1)
      return fault
    },
  },
]

interface Row extends Verdict {
  readonly claim: string
  readonly takeoverMs: number | null
}

/** Registers all faults; what was measured is printed at the end. */
export function playFaults(suite: FaultSuite): void {
  const rows: Row[] = []
  vi.setConfig({ maxConcurrency: suite.concurrency ?? 3, testTimeout: 180_000, hookTimeout: 60_000 })
  describe.concurrent(`${suite.name}: no two leaderships are valid at once`, () => {
    for (const { claim, byOperator, run } of cases) {
      it(`when ${claim}`, async () => {
        const stage = new Stage(await suite.start(), suite)
        try {
          const { faultAt, ledAt } = await run(stage)
          await stage.settles()
          const verdict = stage.judge()
          rows.push({ claim, ...verdict, takeoverMs: ledAt === undefined ? null : ledAt - faultAt })
          expect(verdict).toMatchObject({ overlapMs: 0, tokenRegressions: 0 })
          expect(verdict.leaderships).toBeGreaterThan(0)
          // Bounded by how soon the store tells of it, not by any lease. Where nobody did it, nothing may pass as an operator's.
          if (byOperator) expect(verdict.operatorOverlapMs).toBeLessThan(suite.expiryMs)
          else expect(verdict.operatorOverlapMs).toBe(0)
        } finally {
          await stage.close()
        }
      })
    }
  })
  afterAll(() => {
    const head = `${suite.name}: overlap ms, of these by operators, takeover ms`
    const lines = rows.map(({ claim, overlapMs, operatorOverlapMs, takeoverMs }) => {
      const numbers = [overlapMs + operatorOverlapMs, operatorOverlapMs, takeoverMs]
      const shown = numbers.map((ms) => (ms === null ? '-' : ms.toFixed(ms < 10 ? 1 : 0)).padStart(8))
      return `${shown.join('')}  ${claim}`
    })
    console.log([head, ...lines].join('\n'))
  })
}
