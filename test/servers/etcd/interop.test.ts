/** Ours and `etcdctl elect` in one election, with the real program: each waits for the other, and sees who it is. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { etcd } from '../../../src/backends/etcd.ts'
import { createElection } from '../../../src/index.ts'
import { CandidateProcess, monotonicMs } from '../../chaos/candidate-process.ts'
import { judge, type Tenure } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { EtcdEnsemble } from '../etcd.ts'

const ttlMs = 2000

let servers: EtcdEnsemble
const ours: CandidateProcess[] = []
const theirs: Etcdctl[] = []

beforeAll(async () => {
  servers = await EtcdEnsemble.start({ folder: 'memory' })
})

afterEach(async () => {
  for (const { kill } of theirs.splice(0)) kill()
  for (const each of ours) each.kill('SIGKILL')
  await Promise.all(ours.splice(0).map(({ ended }) => ended))
})

afterAll(() => servers.close())

/** `etcdctl elect NAME ID`, which prints its key and its value when it leads. */
class Etcdctl {
  readonly id: string
  readonly tenure: { from?: number; until?: number } = {}
  readonly ended: Promise<unknown>
  readonly #process: ChildProcess

  constructor(election: string, id: string) {
    this.id = id
    const { program, args } = servers.etcdctlCommand('elect', election, id)
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#process = child
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === id) this.tenure.from ??= monotonicMs()
    })
    this.ended = new Promise((resolve) => child.once('close', resolve))
    theirs.push(this)
  }

  leads(): Promise<number> {
    return eventually(`etcdctl ${this.id} to lead`, () => this.tenure.from, { withinMs: 75_000 })
  }

  /** From now on it does nothing as a leader; it resigns on SIGTERM. */
  readonly end = (): void => {
    this.tenure.until ??= monotonicMs()
    this.#process.kill('SIGTERM')
  }

  readonly kill = (): void => {
    this.tenure.until ??= monotonicMs()
    this.#process.kill('SIGKILL')
  }
}

function candidate(election: string, id: string): CandidateProcess {
  const backend = {
    module: 'mandate/etcd',
    factory: 'etcd',
    options: { endpoints: servers.addresses, ttlMs },
  }
  const started = new CandidateProcess({ id, election, backend, observes: true })
  ours.push(started)
  return started
}

/** How many stand: keys of the election. */
async function standing(election: string, count: number): Promise<void> {
  await eventually(`${count} to stand`, async () => {
    const keys = (await servers.etcdctl('get', '--prefix', `${election}/`, '--keys-only'))
      .split('\n')
      .filter((key) => key !== '')
    return keys.length === count ? true : undefined
  })
}

function foreign(): Tenure[] {
  return theirs.flatMap(({ id, tenure: { from, until } }, index): Tenure[] =>
    from === undefined ? [] : [{ pid: -1 - index, id, from, until: until ?? monotonicMs() }],
  )
}

/** What `etcdctl elect -l` shows: it listens, and prints the present leader first. */
async function shownByEtcdctl(election: string): Promise<string> {
  const { program, args } = servers.etcdctlCommand('elect', '-l', election)
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  try {
    return await eventually('etcdctl to show the leader', () => lines[1])
  } finally {
    child.kill('SIGKILL')
  }
}

describe('with etcdctl elect in one election', () => {
  it('leadership goes to theirs and back on graceful stops, and each sees who the other is', async () => {
    const a = candidate('graceful', 'ours')
    await a.leadership()
    expect(await shownByEtcdctl('graceful')).toBe('ours')
    const b = new Etcdctl('graceful', 'theirs')
    await standing('graceful', 2)
    a.resign()
    const from = await b.leads()
    await standing('graceful', 2)
    await eventually('ours to see theirs', () => a.told('observed').find(({ leader }) => leader === 'theirs'))
    b.end()
    const again = await a.leadership(from)
    const verdict = judge(ours, foreign())
    expect(verdict).toEqual({ overlapMs: 0, operatorOverlapMs: 0, leaderships: 3, tokenRegressions: 0 })
    // Their key was created in between.
    expect(BigInt(again.token)).toBeGreaterThan(BigInt(a.told('led')[0]?.token ?? 0) + 1n)
  })

  it('theirs takes over when ours is killed, after the lease that was granted', async () => {
    const a = candidate('crash', 'ours')
    await a.leadership()
    const b = new Etcdctl('crash', 'theirs')
    await standing('crash', 2)
    a.kill('SIGKILL')
    await b.leads()
    expect(judge(ours, foreign())).toMatchObject({ overlapMs: 0, leaderships: 2 })
  })

  it(
    'ours takes over when theirs is killed: its lease is of 60 s, and etcdctl has no flag for it',
    { timeout: 120_000 },
    async () => {
      const b = new Etcdctl('their-crash', 'theirs')
      await b.leads()
      const a = candidate('their-crash', 'ours')
      await standing('their-crash', 2)
      const killedAt = monotonicMs()
      b.kill()
      const led = await a.leadership(killedAt, 75_000)
      expect(led.at - killedAt).toBeGreaterThan(30_000)
      expect(judge(ours, foreign())).toMatchObject({ overlapMs: 0, leaderships: 2 })
    },
  )

  it('of two of each, never two lead at once, and all of them lead in the end', async () => {
    const election = 'mixed'
    const all: { readonly id: string; readonly leads: () => boolean; readonly stop: () => void }[] = []
    for (let turn = 0; turn < 2; turn++) {
      const a = candidate(election, `ours-${turn}`)
      all.push({ id: a.id, leads: () => a.leads !== undefined, stop: () => a.close() })
      const b = new Etcdctl(election, `theirs-${turn}`)
      all.push({
        id: b.id,
        leads: () => b.tenure.from !== undefined && b.tenure.until === undefined,
        stop: b.end,
      })
    }
    await standing(election, all.length)
    const order: string[] = []
    while (all.length > 0) {
      const leader = await eventually('somebody to lead', () => all.find((each) => each.leads()))
      order.push(leader.id)
      all.splice(all.indexOf(leader), 1)
      leader.stop()
    }
    expect(order.toSorted()).toEqual(['ours-0', 'ours-1', 'theirs-0', 'theirs-1'])
    expect(judge(ours, foreign())).toMatchObject({ overlapMs: 0, leaderships: 4, tokenRegressions: 0 })
  })
})

describe('the values in the store', () => {
  it('metadata is on a second line, so that other tools show the id', async () => {
    const backend = etcd({ endpoints: servers.addresses, ttlMs })
    const metadata = { url: 'http://10.0.0.7:3000' }
    const election = createElection({ name: 'values', backend, candidate: { id: 'worker 7', metadata } })
    try {
      const leadership = await election.campaign()
      const [key, ...value] = (await servers.etcdctl('get', '--prefix', 'values/')).split('\n')
      expect(key).toMatch(/^values\/[1-9a-f][0-9a-f]*$/)
      expect(value).toEqual(['worker 7', '{"metadata":{"url":"http://10.0.0.7:3000"}}'])
      const fields = await servers.etcdctl('get', key ?? '', '-w', 'json')
      // Numbers of 64 bits: read as text.
      expect(/"create_revision":(\d+)/.exec(fields)?.[1]).toBe(String(leadership.token))
      expect(/"cluster_id":(\d+)/.exec(fields)?.[1]).toBe(leadership.tokenScope)
      expect(BigInt(/"lease":(\d+)/.exec(fields)?.[1] ?? 0).toString(16)).toBe(key?.slice('values/'.length))
    } finally {
      await election.close()
    }
  })

  it("layout 'etcd3' is where that package looks, with the lease in decimal", async () => {
    const backend = etcd({ endpoints: servers.addresses, ttlMs, layout: 'etcd3' })
    const election = createElection({ name: 'jobs', backend, candidate: { id: 'a' } })
    try {
      await election.campaign()
      const [key = ''] = (await servers.etcdctl('get', '--prefix', 'election/jobs/')).split('\n')
      const leases = await servers.etcdctl('lease', 'list')
      expect(leases).toContain(BigInt(key.slice('election/jobs/'.length)).toString(16))
    } finally {
      await election.close()
    }
  })
})
