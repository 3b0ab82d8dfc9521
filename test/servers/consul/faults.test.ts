/**
 * Faults against a real Consul: whatever happens to the leader, its agent, its session or its key, for 0 ms do two
 * candidates both find that they lead, and somebody leads afterwards. What an operator ends is a class of its own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { CandidateProcess } from '../../chaos/candidate-process.ts'
import { judge } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { ConsulServers } from '../consul.ts'
import type { ConsulMember } from '../consul.ts'
import { FaultProxy } from '../proxy.ts'

vi.setConfig({ maxConcurrency: 6, testTimeout: 90_000 })

const checkMs = 1500
/** Where a leadership must outlast what is done, also on a machine that is busy for seconds. */
const patientMs = 8000
let servers: ConsulServers
let count = 0

beforeAll(async () => {
  servers = await ConsulServers.start()
})
afterAll(() => servers.close())

interface Entry {
  readonly Session?: string
  readonly ModifyIndex: number
  readonly Value: string
}

class Contest {
  /** Its prefix. */
  readonly election = `fault-${++count}`
  readonly candidates: CandidateProcess[] = []
  readonly proxies: FaultProxy[] = []
  readonly #members: readonly ConsulMember[]

  constructor(members: readonly ConsulMember[] = [servers.first]) {
    this.#members = members
  }

  get key(): string {
    return `${this.election}/job/.lock`
  }

  stand(
    id: string,
    more: { readonly address?: string; readonly checkMs?: number | null } = {},
  ): CandidateProcess {
    const { address = this.#members[0]!.address, checkMs: check = checkMs } = more
    // Ids are compared within a prefix, and every contest has an 'a'.
    const options = { address, prefix: this.election, ...(check === null ? {} : { checkMs: check }) }
    const backend = { module: 'mandate/consul', factory: 'consul', options }
    const candidate = new CandidateProcess({ backend, id, election: 'job' })
    this.candidates.push(candidate)
    return candidate
  }

  /** It leads; those that stand behind it have their sessions. */
  async led(leader: CandidateProcess, ...behind: readonly string[]): Promise<CandidateProcess> {
    await leader.leadership()
    for (const id of behind) this.stand(id)
    await this.ready()
    return leader
  }

  async ready(): Promise<void> {
    for (const each of this.candidates) await eventually('it to be ready', () => each.told('ready')[0])
  }

  /** Somebody leads since then. */
  leadsSince(at: number): Promise<CandidateProcess> {
    return eventually('somebody to lead', () =>
      this.candidates.find((each) => each.told('led').some((line) => line.at >= at)),
    )
  }

  async proxied(id: string, more: { readonly checkMs?: number } = {}) {
    const proxy = await FaultProxy.to(this.#members[0]!.address)
    this.proxies.push(proxy)
    return { proxy, candidate: this.stand(id, { ...more, address: proxy.address }) }
  }

  async entry(): Promise<Entry | undefined> {
    const member = this.#members.find(({ process }) => process.running)!
    return ((await member.get(`/v1/kv/${this.key}?consistent`)) as Entry[] | null)?.[0]
  }

  /** Somebody but `old` leads, with 0 ms of two who believe, and tokens that grow. */
  async takenOver(old: CandidateProcess, since: number, withinMs = 30_000): Promise<CandidateProcess> {
    const next = await eventually(
      'a successor',
      () => this.candidates.find((each) => each !== old && each.told('led').some(({ at }) => at >= since)),
      { withinMs },
    )
    return next
  }

  judge() {
    return judge(this.candidates)
  }

  async end(): Promise<void> {
    for (const candidate of this.candidates) candidate.kill('SIGKILL')
    await Promise.all(this.candidates.map(({ ended }) => ended))
    await Promise.all(this.proxies.map((proxy) => proxy.close()))
  }
}

const contests: Contest[] = []
function contest(members?: readonly ConsulMember[]): Contest {
  const one = new Contest(members)
  contests.push(one)
  return one
}
afterAll(() => Promise.all(contests.map((each) => each.end())))

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
const clean = { overlapMs: 0, tokenRegressions: 0 }

describe.concurrent('two never lead at once', () => {
  it('when the leader is killed', async () => {
    const stage = contest()
    const a = await stage.led(stage.stand('a'), 'b', 'c')
    const at = nowMs()
    a.kill('SIGKILL')
    await stage.takenOver(a, at)
    expect(stage.judge()).toMatchObject(clean)
  })

  it('when the leader is stopped past its lease, and goes on', async () => {
    const stage = contest()
    const a = stage.stand('a')
    await a.leadership()
    const b = stage.stand('b')
    await stage.ready()
    const at = nowMs()
    a.stop()
    await stage.takenOver(a, at)
    a.cont()
    await eventually('a to know', () => a.told('lost')[0])
    // It stands again, behind its successor.
    b.close()
    await stage.takenOver(b, nowMs())
    expect(stage.judge()).toMatchObject(clean)
  })

  it('when the event loop of the leader is blocked past its lease', async () => {
    const stage = contest()
    const a = await stage.led(stage.stand('a'), 'b')
    const at = nowMs()
    a.block(3 * checkMs)
    await stage.takenOver(a, at)
    await eventually('a to go on', () => a.told('unblocked')[0])
    await eventually('a to know', () => a.told('lost')[0])
    expect(stage.judge()).toMatchObject(clean)
  })

  it('when the leader falls into a black hole, and comes out again', async () => {
    const stage = contest()
    const { proxy, candidate: a } = await stage.proxied('a')
    await stage.led(a, 'b')
    const at = nowMs()
    proxy.blackHole()
    await stage.takenOver(a, at)
    expect(a.told('lost')[0]?.reason).toBe('expired')
    await proxy.heal()
    await pause(checkMs)
    expect(stage.judge()).toMatchObject(clean)
  })

  it('when only answers are lost, or only requests', async () => {
    for (const direction of ['down', 'up'] as const) {
      const stage = contest()
      const { proxy, candidate: a } = await stage.proxied('a')
      await stage.led(a, 'b')
      if (direction === 'down') {
        // Its heartbeats still arrive, so the check passes, and nobody takes over before the session ends. It must stop.
        proxy.blackHole(direction)
        await eventually('a to know', () => a.told('lost')[0])
      } else {
        const at = nowMs()
        proxy.blackHole(direction)
        await stage.takenOver(a, at)
      }
      await proxy.heal()
      await pause(checkMs)
      expect(stage.judge()).toMatchObject(clean)
    }
  })

  it('when the answer to the lock transaction is lost: it is found, and leads with the token that the store has', async () => {
    const stage = contest()
    const proxy = await FaultProxy.to(servers.first.address)
    stage.proxies.push(proxy)
    proxy.loseReply((piece) => piece.toString('latin1', 0, 40).startsWith('PUT /v1/txn'))
    const a = stage.stand('a', { address: proxy.address })
    const led = await a.leadership()
    expect(proxy.armed).toBe(false)
    expect(led.token).toBe(String((await stage.entry())?.ModifyIndex))
    await pause(checkMs)
    expect(a.leads?.token).toBe(led.token)
    expect(stage.judge()).toMatchObject({ ...clean, leaderships: 1 })
  })

  it('when connections are cut in the middle of an answer, and reset, again and again', async () => {
    const stage = contest()
    const { proxy, candidate: a } = await stage.proxied('a', { checkMs: patientMs })
    const { token } = await a.leadership()
    stage.stand('b')
    for (let turn = 0; turn < 10; turn += 1) {
      proxy.cutAfter(20 + 30 * turn)
      await pause(100)
      proxy.reset()
      await pause(100)
    }
    expect(a.leads?.token).toBe(token)
    expect(stage.judge()).toMatchObject({ ...clean, leaderships: 1 })
  })

  it('when the store is paused for longer than the lease', async () => {
    const own = await ConsulServers.start()
    try {
      const stage = contest([own.first])
      const a = await stage.led(stage.stand('a'), 'b')
      own.first.stop()
      await eventually('a to stop by itself', () => a.told('lost')[0])
      await pause(checkMs)
      const at = nowMs()
      own.first.cont()
      await stage.leadsSince(at)
      expect(stage.judge()).toMatchObject(clean)
      await stage.end()
    } finally {
      await own.close()
    }
  })
})

describe.concurrent('what an operator ends is told as revoked', () => {
  it('a session that is destroyed: the lock delay keeps the next one out until the leader was told', async () => {
    const stage = contest()
    const a = await stage.led(stage.stand('a'), 'b')
    const at = nowMs()
    await servers.first.put(`/v1/session/destroy/${(await stage.entry())?.Session}`)
    await stage.leadsSince(at)
    expect(a.told('lost')[0]?.reason).toBe('revoked')
    expect(stage.judge()).toMatchObject({ ...clean, operatorOverlapMs: 0 })
  })

  it('a key that is deleted: the next one overlaps by no more than the watch takes', async () => {
    const stage = contest()
    const a = await stage.led(stage.stand('a'), 'b')
    await servers.first.delete(`/v1/kv/${stage.key}`)
    const lost = await eventually('a to know', () => a.told('lost')[0])
    expect(lost.reason).toBe('revoked')
    await eventually('somebody to lead', () => stage.candidates.find((each) => each.leads))
    expect(stage.judge()).toMatchObject(clean)
    // Two processes are woken by one change; the bound is generous for a busy machine.
    expect(stage.judge().operatorOverlapMs).toBeLessThan(checkMs / 3)
  })

  it('a lock that is given to somebody else', async () => {
    const stage = contest()
    const a = stage.stand('a')
    await a.leadership()
    const { ID } = (await servers.first.put('/v1/session/create', '{"TTL":"10s","LockDelay":"1ms"}')) as {
      ID: string
    }
    const session = (await stage.entry())?.Session
    await servers.first.put(`/v1/kv/${stage.key}?release=${session}&flags=3304740253564472344`)
    await servers.first.put(`/v1/kv/${stage.key}?acquire=${ID}&flags=3304740253564472344`, 'mine')
    expect((await eventually('a to know', () => a.told('lost')[0])).reason).toBe('revoked')
    expect(stage.judge()).toMatchObject(clean)
  })

  it('an agent that leaves under its leader, as one that is restarted does: told before the next one may lead', async () => {
    const own = await ConsulServers.start({ agent: true })
    const [server, agent] = own.members
    const stage = contest([server!])
    try {
      const a = stage.stand('a', { address: agent!.address })
      await a.leadership()
      const b = stage.stand('b')
      await stage.ready()
      const at = nowMs()
      const left = agent!.process.kill('SIGTERM')
      expect(await stage.takenOver(a, at)).toBe(b)
      expect(a.told('lost')[0]?.reason).toMatch(/^(revoked|health-check)$/)
      expect(stage.judge()).toMatchObject({ ...clean, operatorOverlapMs: 0 })
      await left
    } finally {
      await stage.end()
      await own.close()
    }
  })

  it('a check that is taken away at the agent', async () => {
    const stage = contest()
    const a = await stage.led(stage.stand('a', { checkMs: patientMs }), 'b')
    const at = nowMs()
    const value = Buffer.from((await stage.entry())?.Value ?? '', 'base64').toString()
    const { session } = JSON.parse(value) as { session: string }
    const [info] = (await servers.first.get(`/v1/session/info/${session}`)) as {
      ServiceChecks: { ID: string }[]
    }[]
    await servers.first.put(`/v1/agent/service/deregister/${info?.ServiceChecks[0]?.ID}`)
    await stage.leadsSince(at)
    expect(a.told('lost')[0]?.reason).toMatch(/^(revoked|health-check)$/)
    expect(stage.judge()).toMatchObject({ ...clean, operatorOverlapMs: 0 })
  })
})

describe('an ensemble of three', () => {
  let ensemble: ConsulServers | undefined
  afterEach(() => ensemble?.close())

  it('goes on when the server that leads it is killed, and the agent of the leader', async () => {
    ensemble = await ConsulServers.start({ members: 3 })
    const first = await ensemble.leader()
    const [near, far] = ensemble.members.filter((member) => member !== first)
    const stage = contest(ensemble.members)
    const a = stage.stand('a', { address: near!.address })
    await a.leadership()
    const b = stage.stand('b', { address: far!.address })
    await eventually('b to be connected', () => b.told('ready')[0])
    await first.kill()
    // Without a leader nothing is renewed, but the session outlives that: the check is the agent's.
    await ensemble.leader()
    await pause(checkMs)
    expect(stage.judge()).toMatchObject(clean)
    await eventually('somebody to lead', () => stage.candidates.find((each) => each.leads))
    await first.restart()
    const leader = stage.candidates.find((each) => each.leads) ?? a
    const at = nowMs()
    await (leader === a ? near! : far!).kill()
    // No agent tells the servers that the check fails: the session ends, after up to twice 10 s.
    await stage.takenOver(leader, at, 45_000)
    expect(stage.judge()).toMatchObject(clean)
  })
})

describe('without a check', () => {
  it('a crash frees the election when the session ends, after twice its time to live, and never before', async () => {
    const stage = contest()
    const a = stage.stand('a', { checkMs: null })
    await a.leadership()
    stage.stand('b', { checkMs: null })
    await stage.ready()
    const at = nowMs()
    a.kill('SIGKILL')
    await stage.takenOver(a, at, 40_000)
    expect(stage.judge()).toMatchObject(clean)
  })
})

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
