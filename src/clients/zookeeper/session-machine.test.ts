import { describe, expect, it } from 'vitest'
import { ZooKeeperError } from './error-codes.ts'
import { JuteReader, JuteWriter } from './jute.ts'
import { SessionMachine } from './session-machine.ts'
import type { Effect, Now, Request, SessionMachineOptions } from './session-machine.ts'
import { countingRandom } from '../../testing/election-stage.ts'

const timeoutMs = 1600
const password = Buffer.alloc(16, 7)
const sessionId = 0x100a0b0c0d0e0f10n

function now(ms: number): Now {
  return { at: { monotonicMs: ms, wallMs: ms, bootMs: ms }, ms }
}

/** A machine at work: what it did, by the kind of the effect. */
class Stage {
  readonly machine: SessionMachine
  readonly effects: Effect[] = []
  #connection = 0

  constructor(options: Partial<SessionMachineOptions> = {}) {
    this.machine = new SessionMachine({
      servers: ['one:2181', 'two:2181', 'three:2181'],
      random: countingRandom(),
      timeoutMs,
      tickMs: undefined,
      openMs: 5000,
      auth: [],
      watched: () => [],
      ...options,
    })
  }

  do(act: (machine: SessionMachine) => void): readonly Effect[] {
    act(this.machine)
    const effects = this.machine.drain()
    this.effects.push(...effects)
    for (const effect of effects) if (effect.is === 'dial') this.#connection = effect.connection
    return effects
  }

  all<Is extends Effect['is']>(is: Is): Extract<Effect, { is: Is }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { is: Is }> => effect.is === is)
  }

  /** Gives it the session on the connection that it dialled last. */
  attach(ms: number, grantedMs = timeoutMs): readonly Effect[] {
    this.do((machine) => machine.dialled(this.#connection, now(ms)))
    const granted = new JuteWriter().int(0).int(grantedMs)
    granted.long(grantedMs > 0 ? sessionId : 0n).buffer(password)
    return this.receive(granted.frame(), ms)
  }

  receive(frame: Buffer, ms: number): readonly Effect[] {
    return this.do((machine) => machine.received(this.#connection, { bytes: frame.subarray(4) }, now(ms)))
  }

  reply(xid: number, ms: number, o: { zxid?: bigint; error?: number } = {}): readonly Effect[] {
    const header = new JuteWriter()
      .int(xid)
      .long(o.zxid ?? 1n)
      .int(o.error ?? 0)
    return this.receive(header.frame(), ms)
  }

  lose(ms: number): readonly Effect[] {
    return this.do((machine) => machine.lost(this.#connection, 'cut', now(ms)))
  }

  submit(id: number, ms: number, repeat = false): readonly Effect[] {
    const request: Request = { id, operation: { op: 'delete', path: `/${id}`, version: -1 }, repeat }
    return this.do((machine) => machine.submit(request, now(ms)))
  }

  /** The ids and operation codes of what was sent last. */
  sent(): readonly (readonly [xid: number, code: number])[] {
    return this.all('send').flatMap(({ bytes }) => {
      const reader = new JuteReader(bytes.subarray(4))
      return [[reader.int(), reader.int()] as const]
    })
  }
}

const started = (options: Partial<SessionMachineOptions> = {}): Stage => {
  const stage = new Stage(options)
  stage.do((machine) => machine.start(now(0)))
  return stage
}
const attached = (options: Partial<SessionMachineOptions> = {}): Stage => {
  const stage = started(options)
  stage.attach(1)
  return stage
}

describe('a session', () => {
  it('is renewed from the instant before it was asked for, for as long as was granted', () => {
    const stage = started()
    stage.do((machine) => machine.dialled(1, now(7)))
    const effects = stage.receive(
      new JuteWriter().int(0).int(9000).long(sessionId).buffer(password).frame(),
      20,
    )
    expect(effects).toEqual([
      { is: 'attached', timeoutMs: 9000, first: true },
      { is: 'renewed', sentAt: now(7).at },
    ])
    expect(stage.machine.identity).toEqual({ id: sessionId, password })
  })

  it('that lost its connection is attached again at the next server, with its id, password and newest zxid', () => {
    const stage = attached()
    stage.submit(1, 10)
    stage.reply(1, 12, { zxid: 0x500000007n })
    expect(stage.lose(20).map(({ is }) => is)).toEqual(['hang-up', 'detached', 'dial'])
    const dials = stage.all('dial')
    expect(dials[0]?.server).not.toBe(dials[1]?.server)
    stage.do((machine) => machine.dialled(2, now(21)))
    const connect = new JuteReader(stage.all('send').at(-1)!.bytes.subarray(4))
    connect.int()
    expect(connect.long()).toBe(0x500000007n)
    expect(connect.int()).toBe(timeoutMs)
    expect(connect.long()).toBe(sessionId)
    expect(connect.buffer()).toEqual(password)
    expect(stage.all('ended')).toEqual([])
  })

  it('has expired when a server says so, and not before', () => {
    const stage = attached()
    stage.lose(20)
    stage.do((machine) => machine.wake(now(100_000)))
    expect(stage.all('ended')).toEqual([])
    stage.attach(100_001, 0)
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'expired' } }])
    stage.submit(9, 100_002)
    expect(stage.all('answered').at(-1)?.answer).toMatchObject({ code: 'SESSIONEXPIRED' })
  })

  it('that no server takes ends in time, with the reason of each', () => {
    const stage = started()
    for (let ms = 0; ms < 6000 && stage.all('ended').length === 0; ms += 10) {
      stage.lose(ms)
      stage.do((machine) => machine.wake(now(ms)))
    }
    const [ended] = stage.all('ended')
    expect(ended?.end.why).toBe('unreachable')
    const tried = ended?.end.why === 'unreachable' ? ended.end.tried : []
    expect(tried.map(({ target }) => target).toSorted()).toEqual(['one:2181', 'three:2181', 'two:2181'])
    expect(tried.map(({ reason }) => reason)).toEqual(['cut', 'cut', 'cut'])
    // Rounds come with pauses: three servers that refuse are not asked a thousand times.
    expect(stage.all('dial').length).toBeLessThan(60)
  })

  it('names the server that it was waiting for when the time was up', () => {
    const stage = started({ openMs: 300 })
    stage.do((machine) => machine.wake(now(300)))
    const [dial] = stage.all('dial')
    expect(stage.all('ended')).toEqual([
      {
        is: 'ended',
        end: { why: 'unreachable', tried: [{ target: dial?.server, reason: 'no answer in time' }] },
      },
    ])
  })

  it('gives a server that is silent while it attaches a part of the timeout', () => {
    const stage = started()
    stage.do((machine) => machine.dialled(1, now(0)))
    const { dueMs } = stage.machine
    expect(dueMs).toBeLessThanOrEqual(timeoutMs / 2)
    stage.do((machine) => machine.wake(now(dueMs ?? 0)))
    expect(stage.all('dial')).toHaveLength(2)
  })

  it('authenticates, and sets its watches again, before anything else is asked on a new connection', () => {
    const stage = started({
      auth: [{ scheme: 'digest', credentials: Buffer.from('u:p') }],
      watched: () => [{ data: ['/a'], exist: [], child: [] }],
    })
    stage.submit(1, 0)
    stage.attach(1)
    expect(stage.sent().slice(1)).toEqual([
      [-4, 100],
      [-8, 101],
      [1, 2],
    ])
    stage.reply(-4, 2, { error: -115 })
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'auth-failed' } }])
  })
})

describe('requests', () => {
  it('are sent without waiting for answers, and answered in order', () => {
    const stage = attached()
    stage.submit(1, 10)
    stage.submit(2, 10)
    expect(stage.sent().slice(1)).toEqual([
      [1, 2],
      [2, 2],
    ])
    stage.reply(1, 11)
    stage.reply(2, 11, { error: -101 })
    expect(stage.all('answered').map(({ request }) => request)).toEqual([1, 2])
    expect(stage.all('answered')[1]?.answer).toMatchObject({ code: 'NONODE', path: '/2' })
  })

  it('of a burst wait for room, and a beat does not wait behind them', () => {
    const stage = attached()
    for (let id = 1; id <= 500; id += 1) stage.submit(id, 10)
    expect(stage.sent().length - 1).toBe(64)
    stage.do((machine) => machine.wake(now(102)))
    expect(stage.sent().at(-1)).toEqual([65, 9])
    for (let xid = 1; stage.all('answered').length < 500; xid += 1) stage.reply(xid, 103)
    expect(stage.all('answered').map(({ request }) => request)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    )
  })

  it('that were under way when the connection broke are sent again if they may be, else told as lost', () => {
    const stage = attached()
    stage.submit(1, 10, true)
    stage.submit(2, 10, false)
    stage.submit(3, 10, true)
    stage.lose(11)
    stage.submit(4, 12)
    expect(stage.all('answered')).toEqual([
      { is: 'answered', request: 2, answer: new ZooKeeperError('CONNECTIONLOSS') },
    ])
    const before = stage.sent().length
    stage.attach(13)
    expect(stage.sent().slice(before + 1)).toHaveLength(3)
    for (const xid of [3, 4, 5].map((each) => each + 1)) stage.reply(xid, 14)
    expect(stage.all('answered').map(({ request }) => request)).toEqual([2, 1, 3, 4])
  })

  it('that break every connection are given up in the end', () => {
    const stage = attached()
    stage.submit(1, 10, true)
    for (let tries = 0; tries < 20 && stage.all('answered').length === 0; tries += 1) {
      stage.lose(1000 * tries)
      stage.do((machine) => machine.wake(now(1000 * tries + 900)))
      stage.attach(1000 * tries + 950)
    }
    expect(stage.all('answered')).toMatchObject([{ request: 1, answer: { code: 'CONNECTIONLOSS' } }])
  })

  it('answered out of order, or cut short, cost the connection and not the session', () => {
    const stage = attached()
    stage.submit(1, 10, true)
    stage.reply(7, 11)
    expect(stage.all('detached')).toHaveLength(1)
    expect(stage.all('ended')).toEqual([])
    const late = stage.do((machine) => machine.received(1, { bytes: Buffer.alloc(16) }, now(12)))
    expect(late).toEqual([])
  })

  it('of a session that moved to another connection are asked again there', () => {
    const stage = attached()
    stage.submit(1, 10, true)
    stage.reply(1, 11, { error: -118 })
    expect(stage.all('detached')).toHaveLength(1)
    stage.attach(12)
    stage.reply(2, 13)
    expect(stage.all('answered')).toMatchObject([{ request: 1 }])
  })

  it('of an expired session end it', () => {
    const stage = attached()
    stage.submit(1, 10, true)
    stage.reply(1, 11, { error: -112 })
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'expired' } }])
    expect(stage.all('answered')).toMatchObject([{ request: 1, answer: { code: 'SESSIONEXPIRED' } }])
  })
})

describe('liveness', () => {
  it('beats a sixteenth of the timeout apart, however many requests there are', () => {
    const stage = attached()
    const before = stage.sent().length
    let answered = before
    for (let ms = 1; ms <= 1601; ms += 10) {
      stage.do((machine) => machine.wake(now(ms)))
      for (const [xid] of stage.sent().slice(answered)) {
        answered += 1
        stage.reply(xid, ms)
      }
    }
    const beats = stage.sent().length - before
    expect(beats).toBeGreaterThanOrEqual(14)
    expect(beats).toBeLessThanOrEqual(16)
    const renewals = stage.all('renewed').map(({ sentAt }) => sentAt.monotonicMs)
    expect(renewals.length).toBeGreaterThan(5)
    expect(renewals).toEqual(renewals.toSorted((a, b) => a - b))
  })

  it('gives up a connection on which nothing was heard for a third of the timeout after a question', () => {
    const stage = attached()
    for (let ms = 1; ms < 700 && stage.all('detached').length === 0; ms += 10)
      stage.do((m) => m.wake(now(ms)))
    expect(stage.all('detached')).toEqual([{ is: 'detached', reason: 'it fell silent' }])
  })

  it('does not take a single answer for a renewal', () => {
    const stage = attached()
    stage.do((machine) => machine.wake(now(102)))
    stage.reply(1, 103)
    expect(stage.all('renewed')).toHaveLength(1)
  })
})

describe('a session that holds something', () => {
  const provenBy = '/app/.mandate'
  const committed = (xid: number): Buffer =>
    new JuteWriter().int(xid).long(1n).int(0).int(13).bool(false).int(0).int(-1).bool(true).int(-1).frame()

  it('writes nothing at every third beat, and counts only on what was sent before a majority took it', () => {
    const stage = attached({ provenBy })
    let answered = 1
    for (let ms = 1; ms <= 3200; ms += 10) {
      stage.do((machine) => machine.wake(now(ms)))
      for (const [xid, code] of stage.sent().slice(answered)) {
        answered += 1
        // From 1.6 s on the leader is none any more, and answers what needs nobody else.
        if (code === 9) stage.reply(xid, ms)
        else if (ms < 1600) stage.receive(committed(xid), ms)
        else stage.reply(xid, ms, { error: -127 })
      }
    }
    expect(stage.all('detached')).toEqual([])
    const codes = stage.sent().map(([, code]) => code)
    expect(codes.slice(1, 8)).toEqual([14, 9, 9, 14, 9, 9, 14])
    const renewals = stage.all('renewed').map(({ sentAt }) => sentAt.monotonicMs)
    expect(renewals.length).toBeGreaterThan(3)
    expect(renewals.at(-1)).toBeGreaterThan(900)
    expect(renewals.at(-1)).toBeLessThan(1600)
  })

  it('that is attached again is renewed when a majority has taken a write, and not before', () => {
    const stage = attached({ provenBy })
    for (const [ms, isCommitted] of [
      [20, false],
      [40, true],
    ] as const) {
      stage.lose(ms)
      stage.attach(ms + 1)
      expect(stage.all('renewed')).toHaveLength(1)
      const [xid = 0, code] = stage.sent().at(-1) ?? []
      expect(code).toBe(14)
      if (isCommitted) stage.receive(committed(xid), ms + 2)
      else stage.reply(xid, ms + 2, { error: -127 })
    }
    expect(stage.all('renewed').map(({ sentAt }) => sentAt.monotonicMs)).toEqual([1, 41])
  })
})

describe('a goodbye', () => {
  it('is said behind what was asked before, and ends with its answer', () => {
    const stage = attached()
    stage.submit(1, 10)
    stage.do((machine) => machine.close(now(11)))
    expect(stage.sent().at(-1)?.[1]).toBe(-11)
    stage.reply(1, 12)
    stage.reply(2, 12)
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'closed' } }])
  })

  it('is said on the next connection if this one breaks', () => {
    const stage = attached()
    stage.do((machine) => machine.close(now(11)))
    stage.lose(12)
    stage.attach(13)
    expect(stage.sent().at(-1)?.[1]).toBe(-11)
    stage.reply(2, 14)
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'closed' } }])
  })

  it('that nobody answers ends in bounded time', () => {
    const stage = attached()
    stage.do((machine) => machine.close(now(11)))
    stage.do((machine) => machine.wake(now(11 + timeoutMs)))
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'closed' } }])
    expect(stage.machine.dueMs).toBeUndefined()
  })

  it('needs no server if none has granted anything', () => {
    const stage = started()
    stage.do((machine) => machine.close(now(1)))
    expect(stage.all('ended')).toEqual([{ is: 'ended', end: { why: 'closed' } }])
    expect(stage.all('hang-up')).toHaveLength(1)
  })
})
