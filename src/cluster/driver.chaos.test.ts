/**
 * Whole clusters under random faults on virtual time. The oracle: tokens are unique; in time mode no two candidates
 * find their leadership valid at one instant of true time, and tokens grow; once faults end, every election is led.
 */
import { afterEach, expect, it } from 'vitest'
import type { RaftSession } from '../backends/raft-session.ts'
import { holderValidityMs } from '../lease/deadline.ts'
import { raftWorld, seededRandom, stand, type RaftWorld } from '../testing/raft-world.ts'

const elections = [
  { name: 'time', exclusivity: 'time' },
  { name: 'token', exclusivity: 'token' },
] as const

interface Standing {
  readonly process: string
  readonly election: (typeof elections)[number]
  readonly record: ReturnType<typeof stand>
  seen: bigint | null
}

const seeds = Number(process.env['MANDATE_CHAOS_SEEDS'] ?? 20)
const firstSeed = Number(process.env['MANDATE_CHAOS_FIRST'] ?? 1)

let world: RaftWorld
afterEach(() => world.close())

for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  it(`keeps its promises under faults, seed ${seed}`, () => chaos(seed), 60_000)
}

async function chaos(seed: number): Promise<void> {
  const random = seededRandom(seed * 7919)
  const roll = (below: number): number => Math.floor(random.next() * below)
  const peers = roll(2) === 0 ? ['a', 'b', 'c'] : ['a', 'b', 'c', 'd', 'e']
  const clients = ['x', 'y'].slice(0, roll(3))
  const rates = new Map([...peers, ...clients].map((id) => [id, 1 + (random.next() * 2 - 1) * 0.0009]))
  world = raftWorld({
    peers,
    seed,
    // Leases far above the time that silence takes to be noticed, so that only the voters' promise holds a successor back.
    timing: { heartbeatMs: 50, electionTimeoutMs: [150, 300], leaseMs: 150 + roll(4) * 200 },
    delayMs: [0.1, 0.2 + random.next() * 8],
    writeMs: random.next() * 3,
    rateOf: (id) => rates.get(id) ?? 1,
  })
  const { timing } = world
  const sessions = new Map<string, RaftSession>()
  let standing: Standing[] = []
  const tokens = new Map<string, string>()
  const newest = new Map<string, bigint>()
  const story: string[] = []
  const note = (line: string): void => void story.push(`${world.clock.trueMs().toFixed(0)} ${line}`)

  const join = (process: string): void => {
    const session = world.session(process, peers.includes(process) ? process : undefined)
    session.opened({}).catch(() => undefined)
    sessions.set(process, session)
    for (const election of elections) enter(process, election)
  }
  const enter = (process: string, election: (typeof elections)[number]): void => {
    const session = sessions.get(process)
    if (session === undefined) return
    const { name, exclusivity } = election
    const record = stand(session, name, { exclusivity, priority: roll(2) })
    standing.push({ process, election, record, seen: null })
  }

  const valid = (one: Standing): boolean => {
    const { renewal } = one.record
    if (one.record.token === null || renewal === null) return false
    const clock = world.clockOf(one.process)
    return clock.elapsedMs(renewal.sentAt) < holderValidityMs(renewal.grantedMs, timing)
  }

  const check = (): void => {
    for (const one of standing) {
      const { token } = one.record
      if (token === null || token === one.seen) continue
      one.seen = token
      note(`${one.process} leads ${one.election.name} with ${token}`)
      const key = `${one.election.name} ${token}`
      expect(tokens.has(key), `token ${key} twice, seed ${seed}\n${story.join('\n')}`).toBe(false)
      tokens.set(key, one.process)
      if (one.election.exclusivity === 'time') {
        expect(token > (newest.get('time') ?? 0n), `token went back, seed ${seed}\n${story.join('\n')}`).toBe(
          true,
        )
        newest.set('time', token)
      }
    }
    const leaders = standing.filter((one) => one.election.exclusivity === 'time' && valid(one))
    expect(
      leaders.length,
      `${leaders.map((one) => one.process).join(' and ')} both lead, seed ${seed}\n${story.join('\n')}`,
    ).toBeLessThanOrEqual(1)
  }

  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed++) {
      await world.advance(1)
      check()
    }
  }
  const kill = (process: string): void => {
    note(`kill ${process}`)
    if (peers.includes(process)) world.crash(process, { keep: roll(3) })
    sessions.delete(process)
    standing = standing.filter((one) => one.process !== process)
  }
  const restart = async (process: string): Promise<void> => {
    note(`start ${process}`)
    if (peers.includes(process)) await world.start(process)
    join(process)
  }

  await world.start()
  for (const process of [...peers, ...clients]) join(process)
  await run(600)

  for (let step = 0; step < 40; step++) {
    const peer = peers[roll(peers.length)] as string
    const other = peers[roll(peers.length)] as string
    switch (roll(9)) {
      case 0:
      case 1:
        if (sessions.has(peer)) kill(peer)
        else await restart(peer)
        break
      case 2: {
        // Mostly whoever leads: alive, believing, and heard by nobody.
        const leader =
          standing.find((one) => one.election.exclusivity === 'time' && valid(one))?.process ?? peer
        const victim = peers.includes(leader) && roll(3) > 0 ? leader : peer
        note(`isolate ${victim}`)
        world.network.isolate(victim)
        break
      }
      case 3:
        note(`cut ${peer}>${other}`)
        if (peer !== other) world.network.cut(peer, other)
        break
      case 4:
        note('heal')
        world.network.heal()
        break
      case 5:
        note(`reset ${peer}>${other}`)
        if (peer !== other && world.peers.has(peer)) world.network.reset(peer, other)
        break
      case 6:
        world.network.loss(roll(3) * 0.1)
        break
      case 7: {
        const leader = standing.find((one) => one.record.token !== null)
        if (leader === undefined) break
        note(`${leader.process} leaves ${leader.election.name}`)
        standing = standing.filter((one) => one !== leader)
        void leader.record.candidacy.leave({})
        enter(leader.process, leader.election)
        break
      }
      default: {
        const target = standing[roll(standing.length)]
        const leader = standing.find((one) => one.record.token !== null && one.election === target?.election)
        if (target === undefined || leader === undefined || target === leader) break
        note(`${leader.process} hands ${leader.election.name} to ${target.process}`)
        void leader.record.candidacy.transfer(target.process, {})
      }
    }
    await run(20 + roll(250))
    for (const one of standing.filter(({ record }) => record.ended !== null)) {
      standing = standing.filter((rest) => rest !== one)
      enter(one.process, one.election)
    }
  }

  note('healed for good')
  world.network.heal()
  world.network.loss(0)
  for (const process of peers) if (!sessions.has(process)) await restart(process)
  for (let patience = 0; patience < 50; patience++) {
    await run(100)
    for (const one of standing.filter(({ record }) => record.ended !== null)) {
      standing = standing.filter((rest) => rest !== one)
      enter(one.process, one.election)
    }
    if (elections.every((election) => standing.some((one) => one.election === election && valid(one)))) return
  }
  throw new Error(`no leader 5 s after the last fault, seed ${seed}\n${story.join('\n')}`)
}
