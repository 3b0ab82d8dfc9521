/** The registry against a second, dumb one: arrays, scans, and everything told by comparing two pictures. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  aheadOf,
  apply,
  cloneRegistry,
  createRegistry,
  electionState,
  newestSession,
  nextWinner,
  sessionsOf,
  sessionState,
  vacantElections,
  type Registry,
} from './registry.ts'
import type { Command, Exclusivity, Metadata, RegistryEvent, RequestResult, SessionRequest } from './types.ts'

const limits = { elections: 3, candidatesPerElection: 2, sessions: 4, requestsPerBatch: 3 }
const tokenBase = 1_000n

interface DumbSession {
  key: string
  id: string
  peer: string
  epoch: number
  number: number
  results: readonly RequestResult[]
  superseded: boolean
}

interface DumbCandidacy {
  election: string
  session: string
  exclusivity: Exclusivity
  priority: number
  metadata: Metadata
  index: number
  preferred: boolean
}

interface DumbHolding {
  election: string
  session: string
  exclusivity: Exclusivity
  token: bigint
  metadata: Metadata
}

/** Two flat lists, of who waits and of who holds, in the order of the log. */
class Dumb {
  sessions: DumbSession[] = []
  waiting: DumbCandidacy[] = []
  holding: DumbHolding[] = []
  lastReason: Record<string, string> = {}
  sinceIndex: Record<string, number> = {}
  events: RegistryEvent[] = []
  moved: string[] = []
  index = 0

  apply(index: number, command: Command): RegistryEvent[] {
    this.index = index
    this.events = []
    this.moved = []
    this.run(command)
    const moved = this.moved.filter((name) => this.queue(name).length > 0)
    return [...this.events, ...moved.map((election): RegistryEvent => ({ type: 'queue-changed', election }))]
  }

  run(command: Command): void {
    if (command.type === 'grant') {
      for (const { election, session } of command.grants) {
        const waiter = this.waiting.find((one) => one.election === election && one.session === session)
        if (waiter !== undefined && this.holderOf(election) === undefined) this.grant(waiter)
      }
      return
    }
    const session = this.sessions.find((one) => one.key === command.session)
    if (command.type === 'open') {
      if (session === undefined) this.open(command)
    } else if (command.type === 'batch') this.batch(session, command)
    else if (session === undefined) return
    else if (command.type === 'close') this.end(session, 'closed')
    else if (command.epoch !== session.epoch) return
    else if (command.type === 'expire') this.end(session, 'expired')
    else if (command.type === 'suspect') {
      for (const holding of this.heldBy(session))
        if (holding.exclusivity === 'token') this.free(holding, 'suspected')
    } else if (!session.superseded) {
      session.epoch += 1
      this.events.push({ type: 'session-reopened', session: session.key, epoch: session.epoch, leaseMs: 9 })
    }
  }

  open({ session: key, id, host }: Extract<Command, { type: 'open' }>): void {
    if (this.sessions.length === limits.sessions) {
      this.events.push({
        type: 'open-refused',
        session: key,
        code: 'LIMIT_EXCEEDED',
        message: expect.any(String),
      })
      return
    }
    const older = this.sessions.find((one) => one.id === id && !one.superseded)
    const epoch = this.index
    this.sessions.push({ key, id, peer: host?.peer ?? '', epoch, number: 0, results: [], superseded: false })
    this.events.push({ type: 'session-opened', session: key, id, epoch, leaseMs: 9 })
    if (older === undefined) return
    older.superseded = true
    this.events.push({ type: 'session-superseded', session: older.key, by: key })
    for (const waiter of this.waiting.filter((one) => one.session === older.key)) this.drop(waiter)
  }

  batch(session: DumbSession | undefined, command: Extract<Command, { type: 'batch' }>): void {
    const { number, requests } = command
    let results: readonly RequestResult[]
    if (session === undefined || number > session.number + 1) results = requests.map(() => refused('CLOSED'))
    else if (number < session.number) return
    else if (number === session.number) results = session.results
    else {
      results =
        requests.length > limits.requestsPerBatch
          ? requests.map(() => refused('LIMIT_EXCEEDED', 'requestsPerBatch'))
          : requests.map((request) => this.request(session, request))
      session.number = number
      session.results = results
    }
    this.events.push({ type: 'batch-applied', session: command.session, number, results })
  }

  request(session: DumbSession, request: SessionRequest): RequestResult {
    const name = request.election
    const holding = this.heldBy(session).find((one) => one.election === name)
    const waiter = this.waiting.find((one) => one.election === name && one.session === session.key)
    if (request.type === 'turn-away') return refused(request.code)
    if (request.type === 'campaign') {
      const exclusivity = this.exclusivityOf(name)
      if (session.superseded) return refused('DUPLICATE_ID')
      if (exclusivity !== undefined && exclusivity !== request.exclusivity)
        return refused('INVALID_OPTIONS', exclusivity)
      if (holding !== undefined) return { is: 'queued', ahead: 0 }
      if (waiter === undefined) {
        if (exclusivity === undefined && this.names().length === limits.elections) {
          return refused('LIMIT_EXCEEDED', 'elections')
        }
        if (this.queue(name).length === limits.candidatesPerElection) {
          return refused('LIMIT_EXCEEDED', 'candidatesPerElection')
        }
        if (exclusivity === undefined) {
          this.sinceIndex[name] = this.index
          this.lastReason[name] = ''
        }
        const { priority, metadata } = request
        this.watching(name, () =>
          this.waiting.push({
            election: name,
            session: session.key,
            exclusivity: request.exclusivity,
            priority,
            metadata,
            index: this.index,
            preferred: false,
          }),
        )
      }
      return { is: 'queued', ahead: this.places(name)[session.key] ?? 0 }
    }
    if (request.type === 'leave') {
      if (holding !== undefined) this.free(holding, 'released')
      else if (waiter !== undefined) this.drop(waiter)
      else return { is: 'was-not-holder' }
      return { is: 'done' }
    }
    if (holding?.token !== request.token) return { is: 'was-not-holder' }
    if (request.type === 'release') this.free(holding, 'released')
    else if (request.type === 'proclaim') {
      holding.metadata = request.metadata
      const { token, metadata } = request
      this.events.push({ type: 'proclaimed', election: name, token, metadata })
    } else {
      const target = this.waiting.find(
        (one) =>
          one.election === name &&
          this.sessions.some(({ key, id }) => key === one.session && id === request.to),
      )
      if (target === undefined) return { is: 'no-such-candidate' }
      if (request.type === 'transfer') this.free(holding, 'transferred', target)
    }
    return { is: 'done' }
  }

  grant(waiter: DumbCandidacy): void {
    const { election, session, exclusivity, metadata } = waiter
    const token = tokenBase + BigInt(this.index)
    this.watching(election, () => {
      this.waiting = this.waiting.filter((one) => one !== waiter)
      for (const one of this.waiting) if (one.election === election) one.preferred = false
      this.holding.push({ election, session, exclusivity, token, metadata })
    })
    this.sinceIndex[election] = this.index
    const id = this.sessions.find(({ key }) => key === session)?.id ?? ''
    this.events.push({ type: 'granted', election, session, id, token, metadata })
  }

  free(
    holding: DumbHolding,
    reason: RegistryEvent & { type: 'freed' } extends { reason: infer R } ? R : never,
    next?: DumbCandidacy,
  ): void {
    const { election, session, token } = holding
    this.events.push({ type: 'freed', election, session, token, reason })
    this.watching(election, () => {
      this.holding = this.holding.filter((one) => one !== holding)
      if (next !== undefined) next.preferred = true
    })
    this.lastReason[election] = reason
    this.sinceIndex[election] = this.index
  }

  drop(waiter: DumbCandidacy): void {
    this.watching(waiter.election, () => {
      this.waiting = this.waiting.filter((one) => one !== waiter)
    })
  }

  end(session: DumbSession, reason: 'closed' | 'expired'): void {
    for (const holding of this.heldBy(session)) this.free(holding, reason)
    for (const waiter of this.waiting.filter((one) => one.session === session.key)) this.drop(waiter)
    this.sessions = this.sessions.filter((one) => one !== session)
    this.events.push({ type: 'session-closed', session: session.key, reason })
  }

  /** Two pictures of the queue: whoever is on both and stands elsewhere has moved. */
  watching(name: string, change: () => void): void {
    const before = this.places(name)
    change()
    const after = this.places(name)
    const moved = Object.keys(after).some((key) => key in before && before[key] !== after[key])
    if (moved && !this.moved.includes(name)) this.moved.push(name)
  }

  places(name: string): Record<string, number> {
    const held = this.holderOf(name) === undefined ? 0 : 1
    return Object.fromEntries(this.queue(name).map(({ session }, place) => [session, place + held]))
  }

  queue(name: string): DumbCandidacy[] {
    return this.waiting
      .filter(({ election }) => election === name)
      .toSorted(
        (left, right) =>
          Number(right.preferred) - Number(left.preferred) ||
          right.priority - left.priority ||
          left.index - right.index,
      )
  }

  heldBy(session: DumbSession): DumbHolding[] {
    return this.holding.filter((one) => one.session === session.key)
  }

  holderOf(name: string): DumbHolding | undefined {
    return this.holding.find(({ election }) => election === name)
  }

  exclusivityOf(name: string): Exclusivity | undefined {
    return (this.holderOf(name) ?? this.queue(name)[0])?.exclusivity
  }

  names(): string[] {
    return [...new Set([...this.holding, ...this.waiting].map(({ election }) => election))].toSorted()
  }

  picture(): unknown {
    return {
      sessions: this.sessions.map(({ key, id, epoch, number, results, superseded }) => ({
        key,
        id,
        newest: !superseded,
        epoch,
        number,
        results,
        holds: this.holding
          .filter((one) => one.session === key)
          .map(({ election, token }) => ({ election, token })),
        waits: this.waiting
          .filter((one) => one.session === key)
          .map(({ election }) => ({ election, ahead: this.places(election)[key] })),
      })),
      elections: this.names().map((name) => {
        const { session, token, metadata } = this.holderOf(name) ?? {}
        return {
          name,
          exclusivity: this.exclusivityOf(name),
          holder: session === undefined ? null : { session, token, metadata },
          waiting: this.queue(name).map((one) => one.session),
          lastReason: this.lastReason[name] === '' ? null : this.lastReason[name],
          sinceIndex: this.sinceIndex[name],
        }
      }),
      vacant: this.names().filter((name) => this.holderOf(name) === undefined),
      ofP: this.sessions.filter(({ peer }) => peer === 'p').map(({ key }) => key),
    }
  }
}

function refused(
  code: 'INVALID_OPTIONS' | 'DUPLICATE_ID' | 'LIMIT_EXCEEDED' | 'CLOSED',
  expected?: string,
): RequestResult {
  return { is: 'refused', code, message: expect.any(String), ...(expected === undefined ? {} : { expected }) }
}

function picture(registry: Registry): unknown {
  return {
    sessions: [...registry.sessions.values()].map(({ key, id }) => {
      const state = sessionState(registry, key)
      return { key, id, newest: newestSession(registry, id) === key, ...state }
    }),
    elections: [...registry.elections.keys()].toSorted().map((name) => {
      const state = electionState(registry, name)
      const { session, token, metadata } = state?.holder ?? {}
      return {
        name,
        exclusivity: state?.exclusivity,
        holder: session === undefined ? null : { session, token, metadata },
        waiting: state?.waiting.map((one) => one.session),
        lastReason: state?.lastReason,
        sinceIndex: state?.sinceIndex,
      }
    }),
    vacant: [...vacantElections(registry)].toSorted(),
    ofP: sessionsOf(registry, 'p'),
  }
}

// ---- random logs ----------------------------------------------------------------------------------------------------

/** What depends on the state (epochs, numbers, tokens) is drawn as a distance from what would be right. */
type Draft =
  | { readonly type: 'open' | 'close'; readonly session: string }
  | { readonly type: 'reopen' | 'expire' | 'suspect'; readonly session: string; readonly off: number }
  | {
      readonly type: 'batch'
      readonly session: string
      /** Of the sessions that are open, if it may be chosen; else the one named. */
      readonly chosen: number | null
      readonly off: number
      readonly requests: readonly Request[]
    }
  | {
      readonly type: 'grant'
      readonly grants: readonly { election: string; session: string; aimed: boolean }[]
    }

interface Request {
  readonly type: SessionRequest['type']
  readonly election: string
  /** Asks for another exclusivity than most. */
  readonly surprising: boolean
  readonly priority: number
  readonly off: number
  readonly to: string
  /** At an election that the session holds, if it holds any. */
  readonly aimed: boolean
}

const session = fc.constantFrom('a1', 'a2', 'b1', 'b2', 'c1', 'd1')
const election = fc.constantFrom('e', 'e', 'e', 'e', 'g', 'g', 'g', 'f', 'h')
const mostlyRight = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1)
const request: fc.Arbitrary<Request> = fc.record({
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constant('campaign') },
    { weight: 4, arbitrary: fc.constant('transfer') },
    { weight: 1, arbitrary: fc.constant('check-transfer') },
    { weight: 4, arbitrary: fc.constantFrom('leave', 'release', 'proclaim', 'proclaim', 'turn-away') },
  ),
  election,
  surprising: fc.constantFrom(false, false, false, false, false, false, true),
  priority: fc.constantFrom(0, 0, 1, 2),
  off: mostlyRight,
  to: fc.constantFrom('a', 'b', 'c', 'd'),
  aimed: fc.boolean(),
})
const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('open'), session }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('close'), session }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('reopen', 'expire', 'suspect', 'suspect'),
      session,
      off: mostlyRight,
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      type: fc.constant('batch'),
      session,
      chosen: fc.option(fc.nat(3), { freq: 10 }),
      off: mostlyRight,
      requests: fc.array(request, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      type: fc.constant('grant'),
      grants: fc.array(fc.record({ election, session, aimed: fc.boolean() }), { minLength: 1, maxLength: 4 }),
    }),
  },
)

/** Long logs with somebody in them: most of a random log's interest is behind its first dozen entries. */
const someLog = fc
  .array(draft, { minLength: 10, maxLength: 60, size: 'max' })
  .map((log): Draft[] => [
    ...['a1', 'b1', 'c1'].map((key): Draft => ({ type: 'open', session: key })),
    ...log,
  ])

function finish(dumb: Dumb, rough: Draft): Command {
  if (rough.type === 'grant') {
    const grants = rough.grants.map((one) => ({
      election: one.election,
      session: (one.aimed ? dumb.queue(one.election)[0]?.session : undefined) ?? one.session,
    }))
    return { type: 'grant', grants }
  }
  const named = dumb.sessions.find(({ key }) => key === rough.session)
  switch (rough.type) {
    case 'open': {
      const host = rough.session < 'b2' ? { peer: 'p', incarnation: 1 } : null
      return { type: 'open', session: rough.session, id: rough.session[0] ?? '', leaseMs: 9, host }
    }
    case 'close':
      return { type: 'close', session: rough.session }
    case 'batch': {
      const { chosen } = rough
      const contested = dumb.holding.find((holding) => dumb.queue(holding.election).length > 0)
      const known =
        rough.requests[0]?.type === 'transfer' && contested !== undefined
          ? dumb.sessions.find(({ key }) => key === contested.session)
          : chosen === null
            ? named
            : (dumb.sessions[chosen % dumb.sessions.length] ?? named)
      const session = known?.key ?? rough.session
      const number = (known?.number ?? 0) + 1 + rough.off
      const requests = rough.requests.map((one): SessionRequest => {
        const { type, priority } = one
        const held = [contested, ...dumb.holding].find((holding) => one.aimed && holding?.session === session)
        const name = held?.election ?? one.election
        const exclusivity = name < 'g' === one.surprising ? 'time' : 'token'
        const token = (dumb.holderOf(name)?.token ?? 0n) + BigInt(one.off)
        const to = (one.aimed ? dumb.queue(name).at(-1)?.session[0] : undefined) ?? one.to
        if (type === 'campaign')
          return { type, election: name, exclusivity, priority, metadata: { by: session } }
        if (type === 'leave') return { type, election: name }
        if (type === 'turn-away') return { type, election: name, code: 'LIMIT_EXCEEDED', message: 'full' }
        return { type, election: name, token, to, metadata: { by: `${session} anew` } }
      })
      return { type: 'batch', session, number, requests }
    }
    case 'suspect': {
      const session =
        dumb.holding.find(({ exclusivity }) => exclusivity === 'token')?.session ?? rough.session
      const epoch = dumb.sessions.find(({ key }) => key === session)?.epoch ?? 0
      return { type: 'suspect', session, epoch: epoch + rough.off }
    }
    default:
      return { type: rough.type, session: rough.session, epoch: (named?.epoch ?? 0) + rough.off }
  }
}

const sessionsSeen = ['a1', 'a2', 'b1', 'b2', 'c1', 'd1']

const told = new Map<string, number>()

it('says and becomes the same as a registry of arrays and scans, whatever the log', () => {
  fc.assert(
    fc.property(someLog, fc.subarray(sessionsSeen), (log, alive) => {
      const registry = createRegistry({ tokenBase, limits })
      const dumb = new Dumb()
      for (const [place, rough] of log.entries()) {
        const index = place * 2 + 1
        const command = finish(dumb, rough)
        const events = apply(registry, index, command)
        expect(events).toEqual(dumb.apply(index, command))
        for (const event of events) {
          const kind = 'reason' in event ? event.reason : event.type
          told.set(kind, (told.get(kind) ?? 0) + 1)
        }
        expect(picture(registry)).toEqual(dumb.picture())
        for (const name of dumb.names()) {
          const expected =
            dumb.holderOf(name) === undefined
              ? dumb.queue(name).find((waiter) => alive.includes(waiter.session))?.session
              : undefined
          expect(nextWinner(registry, name, (key) => alive.includes(key))).toBe(expected ?? null)
          const places = dumb.places(name)
          expect(sessionsSeen.map((key) => aheadOf(registry, name, key))).toEqual(
            sessionsSeen.map((key) => places[key] ?? null),
          )
        }
      }
    }),
    { numRuns: 100 },
  )
})

it('made every kind of event and every reason, so that the comparison above compared something', () => {
  expect([...told.keys()].toSorted()).toEqual([
    'batch-applied',
    'closed',
    'expired',
    'granted',
    'open-refused',
    'proclaimed',
    'queue-changed',
    'released',
    'session-opened',
    'session-reopened',
    'session-superseded',
    'suspected',
    'transferred',
  ])
})

it('tells a history in which one holds at a time, tokens grow, and nobody waits for what it holds', () => {
  fc.assert(
    fc.property(someLog, (log) => {
      const registry = createRegistry({ tokenBase, limits })
      const dumb = new Dumb()
      const holders = new Map<string, string>()
      const tokens = new Map<string, bigint>()
      for (const [place, rough] of log.entries()) {
        const command = finish(dumb, rough)
        dumb.apply(place + 1, command)
        for (const event of apply(registry, place + 1, command)) {
          if (event.type === 'freed') {
            expect(holders.get(event.election)).toBe(event.session)
            expect(tokens.get(event.election)).toBe(event.token)
            holders.delete(event.election)
          } else if (event.type === 'granted') {
            expect(holders.has(event.election)).toBe(false)
            expect(event.token > (tokens.get(event.election) ?? 0n)).toBe(true)
            holders.set(event.election, event.session)
            tokens.set(event.election, event.token)
          } else if (event.type === 'session-closed') {
            expect([...holders.values()]).not.toContain(event.session)
          }
        }
        for (const { name, holder, queue } of registry.elections.values()) {
          expect(holder?.session).toBe(holders.get(name))
          expect(holder !== null && queue.has(holder.session)).toBe(false)
        }
      }
    }),
    { numRuns: 100 },
  )
})

it('a clone equals its original, goes the same way by itself, and leaves the original alone', () => {
  fc.assert(
    fc.property(someLog, fc.nat(60), (log, at) => {
      const dumb = new Dumb()
      const registry = createRegistry({ tokenBase, limits })
      const commands = log.map((rough, place) => {
        const command = finish(dumb, rough)
        dumb.apply(place + 1, command)
        return command
      })
      const cut = Math.min(at, commands.length)
      for (const [place, command] of commands.slice(0, cut).entries()) apply(registry, place + 1, command)
      const clone = cloneRegistry(registry)
      expect(clone).toEqual(registry)
      const before = picture(registry)
      const toldByClone = commands.slice(cut).map((command, place) => apply(clone, cut + place + 1, command))
      expect(picture(registry)).toEqual(before)
      expect(commands.slice(cut).map((command, place) => apply(registry, cut + place + 1, command))).toEqual(
        toldByClone,
      )
      expect(clone).toEqual(registry)
    }),
    { numRuns: 100 },
  )
})
