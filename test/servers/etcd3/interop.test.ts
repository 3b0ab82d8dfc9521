/** Ours with `layout: 'etcd3'` and candidates of the npm package of that name in one election, each way. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CandidateProcess } from '../../chaos/candidate-process.ts'
import { judge, type Tenure } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { EtcdEnsemble } from '../etcd.ts'
import { programOf, requiredServer } from '../required-server.ts'

const program = fileURLToPath(new URL('fixtures/campaign.mjs', import.meta.url))
const ttlSeconds = 2

let servers: EtcdEnsemble
const living: { kill(signal: 'SIGKILL'): void; readonly ended: Promise<unknown> }[] = []

beforeAll(async () => {
  servers = await EtcdEnsemble.start({ folder: 'memory' })
})
afterEach(async () => {
  for (const each of living) each.kill('SIGKILL')
  await Promise.all(living.splice(0).map(({ ended }) => ended))
})
afterAll(() => servers.close())

type Line = { readonly at: number } & (
  | { readonly is: 'led' | 'lost' }
  | { readonly is: 'observed'; readonly leader: string | null }
)

class Etcd3Campaign {
  readonly lines: Line[] = []
  readonly ended: Promise<unknown>
  readonly #process: ChildProcess
  readonly #id: string

  constructor(election: string, id: string) {
    const modules = programOf(requiredServer('etcd3'), 'modules')
    const hosts = servers.addresses.map((address) => `http://${address}`)
    const order = JSON.stringify({ modules, hosts, election, id, ttlSeconds })
    const child = spawn(process.execPath, [program, order], { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line) as Line))
    this.#process = child
    this.#id = id
    this.ended = new Promise((resolve) => child.once('close', resolve))
    living.push(this)
  }

  leadership(): Promise<number> {
    return eventually(`${this.#id} to lead`, () => this.lines.find(({ is }) => is === 'led')?.at)
  }

  /** Resolves when its observer has seen this leader. */
  sees(leader: string): Promise<true> {
    return eventually(`${this.#id} to see ${leader}`, () =>
      this.lines.some((line) => line.is === 'observed' && line.leader?.split('\n')[0] === leader)
        ? true
        : undefined,
    )
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#process.kill(signal)
  }

  /** After a SIGKILL it leads no longer than it lived. */
  tenures(killedAt?: number): Tenure[] {
    const [from, lost] = (['led', 'lost'] as const).map((is) => this.lines.find((line) => line.is === is)?.at)
    if (from === undefined) return []
    return [{ pid: this.#process.pid!, id: this.#id, from, until: lost ?? killedAt ?? Infinity }]
  }
}

function ours(election: string, id: string): CandidateProcess {
  const options = { endpoints: servers.addresses, ttlMs: 1000 * ttlSeconds, layout: 'etcd3' }
  const backend = { module: 'mandate/etcd', factory: 'etcd', options }
  const candidate = new CandidateProcess({ backend, id, election, observes: true })
  living.push(candidate)
  return candidate
}

async function standing(election: string, count: number): Promise<void> {
  await eventually(`${count} to stand`, async () => {
    const keys = await servers.etcdctl('get', '--prefix', `election/${election}/`, '--keys-only')
    return keys.split('\n').filter((key) => key !== '').length === count ? true : undefined
  })
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6

describe('with the npm package etcd3 in one election', () => {
  it('leadership goes to theirs and back on graceful stops, and each sees who the other is', async () => {
    const a = ours('graceful', 'a')
    await a.leadership()
    const theirs = new Etcd3Campaign('graceful', 'theirs')
    await theirs.sees('a')
    await standing('graceful', 2)
    expect(theirs.lines.some(({ is }) => is === 'led')).toBe(false)
    a.close()
    await theirs.leadership()
    const b = ours('graceful', 'b')
    await eventually('b to see theirs', () => b.told('observed').find(({ leader }) => leader === 'theirs'))
    await standing('graceful', 2)
    expect(b.leads).toBeUndefined()
    theirs.kill('SIGTERM')
    await b.leadership()
    expect(judge([a, b], theirs.tenures())).toMatchObject({
      overlapMs: 0,
      leaderships: 3,
      tokenRegressions: 0,
    })
  })

  it('theirs follows ours that is killed, and ours theirs, after the lease', async () => {
    const a = ours('crash', 'a')
    await a.leadership()
    const theirs = new Etcd3Campaign('crash', 'theirs')
    await standing('crash', 2)
    a.kill('SIGKILL')
    await theirs.leadership()
    const b = ours('crash', 'b')
    await standing('crash', 2)
    const killedAt = nowMs()
    theirs.kill('SIGKILL')
    await b.leadership()
    expect(judge([a, b], theirs.tenures(killedAt))).toMatchObject({
      overlapMs: 0,
      leaderships: 3,
      tokenRegressions: 0,
    })
  })
})
