import { afterEach, describe, expect, it } from 'vitest'
import { raftWorld, stand, type RaftWorld } from '../testing/raft-world.ts'

let world: RaftWorld
afterEach(() => world.close())

const led = (record: { readonly token: bigint | null }) => (): boolean => record.token !== null

describe('three peers', () => {
  it('elect one candidate and queue the others', async () => {
    world = raftWorld()
    await world.start()
    const [a, b] = ['a', 'b'].map((id) => stand(world.session(id, id), 'job'))
    await world.until(() => a!.token !== null || b!.token !== null, 'a winner', 1000)
    expect([a!.token, b!.token].filter((token) => token !== null)).toHaveLength(1)
    await world.until(() => [...a!.events, ...b!.events].includes('waiting 1'), 'a waiter')
  })

  it('hand over on resign without waiting for the lease', async () => {
    world = raftWorld()
    await world.start()
    const a = stand(world.session('a', 'a'), 'job')
    await world.until(led(a), 'a leads')
    const b = stand(world.session('b', 'b'), 'job')
    await world.until(() => b.events.includes('waiting 1'), 'b waits')
    const first = a.token as bigint
    const before = world.clock.trueMs()
    void a.candidacy.leave({})
    await world.until(led(b), 'b leads')
    expect(world.clock.trueMs() - before).toBeLessThan(10)
    expect(b.token).toBeGreaterThan(first)
  })

  for (const victim of ['leader', 'follower'] as const) {
    it(`replace a holder that was killed, token mode, the Raft ${victim}`, async () => {
      world = raftWorld()
      await world.start()
      const { holder, next } = await holderOn(victim, 'token')
      await world.advance(500)
      const before = world.clock.trueMs()
      world.crash(holder.id)
      await world.until(() => next.some((other) => other.token !== null), 'a successor')
      expect(world.clock.trueMs() - before).toBeLessThan(25)
      expect(next.find((other) => other.token !== null)!.token).toBeGreaterThan(holder.record.token as bigint)
    })

    it(`replace a holder that was killed, time mode, never before its deadline, the Raft ${victim}`, async () => {
      world = raftWorld()
      await world.start()
      const { holder, next } = await holderOn(victim, 'time')
      await world.advance(523)
      const { monotonicMs } = holder.record.renewal!.sentAt
      world.crash(holder.id)
      await world.until(() => next.some((other) => other.token !== null), 'a successor')
      const after = world.clock.lower() - monotonicMs
      expect(after).toBeGreaterThan(world.timing.leaseMs)
      expect(after).toBeLessThan(world.timing.leaseMs + 2 * world.timing.heartbeatMs)
    })
  }

  it('keep a leader for ever while nothing fails, without a log entry', async () => {
    world = raftWorld()
    await world.start()
    const a = stand(world.session('a', 'a'), 'job')
    await world.until(led(a), 'a leads')
    const records = world.disks.get('a')!.records.length
    await world.advance(60_000)
    expect(a.events).toEqual(['waiting 0', 'won'])
    expect(world.disks.get('a')!.records.length).toBe(records)
  })

  it('renew whatever a session holds in one call, once somebody listens to the session', async () => {
    world = raftWorld()
    await world.start()
    const session = world.session('a', 'a')
    const held = Array.from({ length: 50 }, (_, index) => stand(session, `job-${index}`))
    await world.until(() => held.every((each) => each.token !== null), 'all are led')
    const won = held.map((each) => each.renewal)
    let heard = 0
    session.onRenewed(() => (heard += 1))
    await world.advance(10 * world.timing.heartbeatMs)
    expect(heard).toBeGreaterThanOrEqual(9)
    expect(heard).toBeLessThanOrEqual(11)
    expect(held.map((each) => each.renewal)).toEqual(won)
    await world.advance(20 * world.timing.leaseMs)
    expect(held.every((each) => each.ended === null)).toBe(true)
  })

  it('beat together: on an idle cluster hardly anything happens at any other moment', async () => {
    world = raftWorld({ timing: 'default', delayMs: [0, 0] })
    await world.start()
    await world.advance(37)
    const records: ReturnType<typeof stand>[] = []
    for (const id of ['a', 'b', 'c']) {
      records.push(stand(world.session(id, id), 'job'))
      await world.advance(41)
    }
    await world.until(() => records.some((each) => each.token !== null), 'a winner', 2000)
    await world.advance(3000)
    const moments = new Set<number>()
    for (const id of ['a', 'b', 'c']) {
      const events = world.eventsOf(id)!
      const { peerMessage } = events
      events.peerMessage = (from, message) => {
        moments.add(world.clock.trueMs())
        peerMessage(from, message)
      }
    }
    await world.advance(9600)
    const beats = 9600 / (world.timing.heartbeatMs * (15 / 16))
    expect(moments.size).toBeGreaterThanOrEqual(beats - 1)
    expect(moments.size).toBeLessThanOrEqual(beats * 1.1)
  })

  it('keep a waiting session alive for ever, and it leads at once when it is granted', async () => {
    world = raftWorld()
    await world.start()
    const a = stand(world.session('a', 'a'), 'job')
    await world.until(led(a), 'a leads')
    const b = stand(world.session('b', 'b'), 'job')
    await world.advance(30_000)
    expect(b.events).toEqual(['waiting 1'])
    const before = world.clock.trueMs()
    void a.candidacy.leave({})
    await world.until(led(b), 'b leads')
    expect(world.clock.trueMs() - before).toBeLessThan(10)
    await world.advance(30_000)
    expect(b.ended).toBe(null)
  })

  it('refuse a second process with the same candidate id while the first is heard', async () => {
    world = raftWorld()
    await world.start()
    const first = stand(world.session('same', 'a'), 'job')
    await world.until(led(first), 'the first leads')
    const second = world.session('same', 'b')
    const refused = second.opened({}).then(
      () => 'opened',
      (error: unknown) => (error as { code: string }).code,
    )
    await world.advance(1000)
    expect(await refused).toBe('DUPLICATE_ID')
    expect(first.token).not.toBeNull()
  })

  it('let a restarted process with the same id wait like any successor and get a new token', async () => {
    world = raftWorld()
    await world.start()
    const first = stand(world.session('a', 'a'), 'job')
    await world.until(led(first), 'the first leads')
    const { token } = first
    world.crash('a')
    await world.start('a')
    const second = stand(world.session('a', 'a'), 'job')
    await world.until(led(second), 'the second leads')
    expect(second.token).toBeGreaterThan(token as bigint)
  })

  it('serve a client through any peer, and move it when its sponsor dies', async () => {
    world = raftWorld()
    await world.start()
    const client = stand(world.session('client', undefined), 'job')
    await world.until(led(client), 'the client leads')
    for (const id of ['a', 'b', 'c']) {
      world.crash(id)
      await world.advance(400)
      await world.start(id)
      await world.advance(600)
    }
    expect(client.token).not.toBeNull()
    expect(world.clock.elapsedMs(client.renewal!.sentAt)).toBeLessThan(world.timing.leaseMs)
  })

  it('tell observers the present state, every change, and when nothing is known', async () => {
    world = raftWorld()
    await world.start()
    const session = world.session('a', 'a')
    const seen: string[] = []
    world.session('watcher', 'c').observe('job', {
      led: ({ id }) => seen.push(`led ${id}`),
      vacant: () => seen.push('vacant'),
      unknown: () => seen.push('unknown'),
    })
    await world.until(() => seen.length > 0, 'a first state')
    const a = stand(session, 'job')
    await world.until(led(a), 'a leads')
    await world.advance(10)
    void a.candidacy.leave({})
    await world.advance(10)
    world.crash('a')
    world.crash('b')
    await world.advance(2000)
    expect(seen).toEqual(['vacant', 'led a', 'vacant', 'unknown'])
    await world.start('a')
    await world.until(() => seen.at(-1) === 'vacant', 'known again')
  })

  it('believe no client that it lives in a peer, or that it may turn campaigns away', async () => {
    world = raftWorld()
    await world.start()
    await world.advance(1000)
    const errors: string[] = []
    const { connectClient } = world.network
    const connecting = connectClient({
      address: 'a',
      events: {
        message: (message) => message.type === 'error' && errors.push(message.error.code),
        closed: () => undefined,
      },
    })
    await world.advance(10)
    const client = await connecting
    const host = { peer: 'b', incarnation: 0 }
    client.send({ type: 'open', reattach: false, request: { session: 's', id: 's', leaseMs: 1000, host } })
    await world.advance(50)
    const campaign = {
      type: 'campaign',
      election: 'job',
      exclusivity: 'token',
      priority: 0,
      metadata: {},
    } as const
    client.send({ type: 'batch', session: 's', number: 1, requests: [campaign] })
    await world.advance(50)
    // Were the host believed, an older incarnation of b than the present one would be evidence of death.
    expect(world.failures).toEqual([])
    client.send({
      type: 'batch',
      session: 's',
      number: 2,
      requests: [{ type: 'turn-away', election: 'job', code: 'LIMIT_EXCEEDED', message: '' }],
    })
    await world.advance(50)
    expect(errors).toEqual(['PROTOCOL_ERROR'])
  })

  it('turn new campaigns away while the log is too large, with the way out', async () => {
    world = raftWorld({ logBytesMax: 1 })
    await world.start()
    const a = stand(world.session('a', 'a'), 'job')
    await world.until(() => a.ended !== null, 'refused')
    expect(a.cause).toMatchObject({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining('tokenBase') })
  })

  it('never let a cancelled campaign win later', async () => {
    world = raftWorld()
    await world.start()
    const session = world.session('a', 'a')
    void session.opened({})
    await world.advance(1000)
    for (let at = 0; at < 30; at++) {
      const a = stand(session, `job-${at}`)
      await world.clock.advanceAsync(at / 10)
      const left = a.candidacy.leave({})
      await world.advance(50)
      expect(await left).not.toBe('unknown')
      const count = a.events.length
      await world.advance(200)
      expect(a.events.length).toBe(count)
    }
    const b = stand(world.session('b', 'b'), 'job-3')
    await world.until(led(b), 'the election is free', 50)
  })

  it('end in order although a session frees what others wait for while the Raft leader hands over', async () => {
    world = raftWorld()
    await world.start()
    await world.advance(1000)
    const leader = await raftLeader()
    const session = world.session(leader, leader)
    await world.until(led(stand(session, 'job')), 'the holder leads')
    const next = ['a', 'b', 'c']
      .filter((id) => id !== leader)
      .map((id) => stand(world.session(id, id), 'job'))
    await world.advance(100)
    failAfterReadings(leader, 100_000)
    void session.close({})
    let closed = false
    void world.peers
      .get(leader)!
      .close()
      .then(() => (closed = true))
    await world.until(() => next.some((other) => other.token !== null), 'a successor', 1000)
    await world.until(() => closed, 'the peer closed', 1000)
    expect(world.failures).toEqual([])
  })

  it('tell an observer what is so again, once a leader that could not be asked can be', async () => {
    world = raftWorld()
    await world.start()
    await world.advance(1000)
    const leader = await raftLeader()
    const follower = ['a', 'b', 'c'].find((id) => id !== leader)!
    const seen: string[] = []
    world.network.cut(follower, leader)
    world.session('watcher', follower).observe('job', {
      led: ({ id }) => seen.push(`led ${id}`),
      vacant: () => seen.push('vacant'),
      unknown: () => seen.push('unknown'),
    })
    await world.advance(5000)
    expect(seen).toEqual(['unknown'])
    world.network.heal()
    await world.until(() => seen.at(-1) === 'vacant', 'known again', 1000)
  })

  it('let a client stand again whose grant came and went while nobody could tell it', async () => {
    world = raftWorld({ timing: 'default' })
    await world.start()
    const holder = stand(world.session('a', 'a'), 'job', { exclusivity: 'token' })
    await world.until(led(holder), 'a leads')
    const client = stand(world.session('client', undefined), 'job', { exclusivity: 'token' })
    await world.until(() => client.events.includes('waiting 1'), 'the client waits')
    for (const id of ['a', 'b', 'c']) {
      world.network.cut('client', id)
      world.network.cut(id, 'client')
    }
    void holder.candidacy.leave({})
    // Granted at once; suspected after 2.5 heartbeats; the client gives its sponsor up after 4. The session lives on.
    await world.advance(600)
    world.network.heal()
    await world.until(led(client), 'the client leads', 2000)
  })

  it('tell the holders in their process when they stop by themselves, and close while that happens', async () => {
    world = raftWorld()
    await world.start()
    const session = world.session('a', 'a')
    const leads = stand(session, 'led by a')
    await world.until(led(leads), 'a leads')
    await world.until(led(stand(world.session('b', 'b'), 'led by b')), 'b leads')
    const waits = stand(world.session('a2', 'a'), 'led by b')
    await world.until(() => waits.events.includes('waiting 1'), 'another candidate waits')
    const full = new Error('the disk is full')
    world.disks.get('a')!.fail(full)
    // Whatever has to be written next makes it stop.
    stand(world.session('c', 'c'), 'third')
    await world.until(() => leads.ended !== null, 'the leader is told')
    expect(leads).toMatchObject({ ended: 'session-lost', cause: { code: 'CLOSED', cause: full } })
    await world.until(() => waits.ended === 'session-lost', 'the waiter is told')
    const late = stand(session, 'too late')
    await world.until(() => late.ended === 'refused', 'a late one is refused')
    expect(late.cause).toMatchObject({ code: 'CLOSED', cause: full })
    let closed = false
    void world.peers
      .get('a')!
      .close()
      .then(() => (closed = true))
    await world.until(() => closed, 'it closes')
  })

  it('serve a client whose session ended unheard and was opened again by a delayed duplicate', async () => {
    world = raftWorld()
    await world.start()
    const holder = stand(world.session('a', 'a'), 'job')
    await world.until(led(holder), 'a leads')
    const session = world.session('client', undefined)
    const client = stand(session, 'job')
    await world.until(() => client.events.includes('waiting 1'), 'the client waits')
    const leader = await raftLeader()
    const other = leader === 'a' ? 'b' : 'a'
    for (const id of ['a', 'b', 'c']) {
      world.network.cut('client', id)
      world.network.cut(id, 'client')
    }
    await world.advance(1000)
    const request = { ...session.ticket(), id: 'client', leaseMs: world.timing.leaseMs, host: null }
    world.eventsOf(leader)!.peerMessage(other, { kind: 'propose', proposal: { type: 'open', request } })
    world.network.heal()
    await world.advance(1000)
    void holder.candidacy.leave({})
    await world.until(led(client), 'the client leads', 1000)
  })

  it('let a holder stand again at once whose successor left while it handed over', async () => {
    world = raftWorld({ delayMs: [5, 5], timing: 'default' })
    await world.start()
    await world.advance(2000)
    const follower = (await raftLeader()) === 'a' ? 'b' : 'a'
    const session = world.session(follower, follower)
    const target = world.session('target', 'c')
    const unserved: number[] = []
    const outcomes = new Set<string>()
    for (let at = 0; at < 60; at += 2) {
      const holder = stand(session, `job-${at}`)
      await world.until(led(holder), 'the holder leads')
      const successor = stand(target, `job-${at}`)
      await world.until(() => successor.events.length > 0, 'the successor waits')
      void holder.candidacy.transfer('target', {}).then((outcome) => outcomes.add(outcome))
      let again: ReturnType<typeof stand> | null = null
      for (let passed = 0; passed < 300; passed++) {
        await world.advance(1)
        // At last also the one that took over.
        if (passed === at || passed === 200) void successor.candidacy.leave({})
        if (holder.ended !== null) again ??= stand(session, `job-${at}`)
      }
      if (again !== null && !led(again)()) unserved.push(at)
    }
    expect(unserved).toEqual([])
    // `unknown`: the target left between the question and the hand-over. The sweep has to have met that.
    expect(outcomes).toContain('unknown')
    expect(outcomes).toContain('done')
  })

  it('keep a session that was admitted, whatever an earlier arbiter had said', async () => {
    world = raftWorld()
    await world.start()
    const a = stand(world.session('a', 'a'), 'job')
    await world.until(led(a), 'a leads')
    const session = world.session('client', 'a')
    const client = stand(session, 'other')
    await world.until(led(client), 'the client leads')
    const error = { code: 'DUPLICATE_ID', message: 'late', details: { id: 'client', sinceMs: 1 } } as const
    world.eventsOf('a')!.peerMessage('b', { kind: 'turned-away', session: session.ticket().session, error })
    await world.advance(100)
    expect(client.ended).toBeNull()
  })

  it('free what is held by way of a peer that the voters hear and the leader does not', async () => {
    world = raftWorld()
    await world.start()
    const leader = await raftLeader()
    const [cutOff, other] = ['a', 'b', 'c'].filter((id) => id !== leader) as [string, string]
    const holder = stand(world.session(cutOff, cutOff), 'job')
    await world.until(led(holder), 'it leads')
    const successor = stand(world.session(other, other), 'job')
    await world.until(() => successor.events.includes('waiting 1'), 'somebody waits')
    world.network.cut(cutOff, leader)
    world.network.cut(leader, cutOff)
    // The leader never hears of it, while the two others go on keeping the session alive.
    void holder.candidacy.leave({})
    await world.until(led(successor), 'the successor leads', 3000)
  })

  it('number the reads of each process apart: an answer to an earlier one of that peer is too old', async () => {
    world = raftWorld()
    await world.start()
    await world.advance(1000)
    const leader = await raftLeader()
    const follower = ['a', 'b', 'c'].find((id) => id !== leader)!
    const asked: number[] = []
    const events = world.eventsOf(leader)!
    const { peerMessage } = events
    events.peerMessage = (from, message) => {
      if (message.kind === 'read-index') asked.push(message.id)
      peerMessage(from, message)
    }
    const read = async (): Promise<void> => {
      let known = false
      world.session('watcher', follower).observe('job', {
        led: () => undefined,
        vacant: () => (known = true),
        unknown: () => undefined,
      })
      await world.until(() => known, 'the state is known', 1000)
    }
    await read()
    world.crash(follower)
    await world.start(follower)
    await read()
    await read()
    expect(asked.length).toBeGreaterThan(2)
    expect(new Set(asked).size).toBe(asked.length)
  })

  it('keep a client whose answers take longer than its patience with a sponsor', async () => {
    world = raftWorld({
      timing: { heartbeatMs: 50, electionTimeoutMs: [2000, 3000], leaseMs: 3000 },
      delayMs: [120, 125],
    })
    await world.start()
    const client = stand(world.session('client', undefined), 'job')
    await world.until(led(client), 'the client leads', 20_000)
    await world.advance(10_000)
    expect(client.ended).toBeNull()
    expect(world.clockOf('client').elapsedMs(client.renewal!.sentAt)).toBeLessThan(2000)
  })

  it('tell the holder itself when somebody else closes its session through the same peer', async () => {
    world = raftWorld()
    await world.start()
    const session = world.session('a', 'a')
    const first = stand(session, 'job')
    await world.until(led(first), 'a leads')
    const heard: string[] = []
    const link = world.peers.get('a')!.attach({ received: (message) => heard.push(message.type) })
    link.send({ type: 'close', ...session.ticket() })
    await world.until(() => first.ended !== null, 'the holder is told', 50)
    expect(first.ended).toBe('revoked')
    expect(heard).toEqual(['session-ended'])
    await world.until(led(stand(session, 'job')), 'it leads again', 1000)
  })

  it('hold many elections on one session and lose all of them together', async () => {
    world = raftWorld()
    await world.start()
    const session = world.session('a', 'a')
    const records = Array.from({ length: 300 }, (_, at) => stand(session, `job-${at}`))
    await world.until(() => records.every((record) => record.token !== null), 'all are held')
    const other = stand(world.session('b', 'b'), 'job-5')
    await world.advance(100)
    world.crash('a')
    await world.until(led(other), 'the successor')
  })
})

async function holderOn(
  victim: 'leader' | 'follower',
  exclusivity: 'time' | 'token',
): Promise<{
  holder: { id: string; record: ReturnType<typeof stand> }
  next: ReturnType<typeof stand>[]
}> {
  await world.advance(1000)
  const leader = await raftLeader()
  const id = victim === 'leader' ? leader : ['a', 'b', 'c'].find((other) => other !== leader)!
  const record = stand(world.session(id, id), 'job', { exclusivity })
  await world.until(led(record), 'the holder leads')
  const others = ['a', 'b', 'c'].filter((other) => other !== id)
  const next = others.map((other) => stand(world.session(other, other), 'job', { exclusivity }))
  await world.until(
    () => next.every((other) => other.events.some((event) => event.startsWith('waiting'))),
    'both wait',
  )
  return { holder: { id, record }, next }
}

/** A turn that never ends hangs the whole test run: better that this peer's clock breaks, and the peer with it. */
function failAfterReadings(id: string, max: number): void {
  const clock = world.clockOf(id)
  const lower = clock.lower.bind(clock)
  let readings = 0
  clock.lower = () => {
    if (++readings > max) throw new Error(`the clock was read ${max} times`)
    return lower()
  }
}

async function raftLeader(): Promise<string> {
  let leader: string | null = null
  const link = world.peers.get('a')!.attach({
    received: (message) => {
      if (message.type === 'status') leader = message.status.leader
    },
  })
  link.send({ type: 'status', id: 1, election: null })
  await world.until(() => leader !== null, 'a status')
  link.close()
  return leader as unknown as string
}
