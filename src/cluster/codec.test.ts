import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMandateError, mandateErrorCodes } from '../errors.ts'
import type { Command, RequestResult, SessionRequest } from '../registry/types.ts'
import type { SupportMessage } from '../protocols/support/types.ts'
import type { RaftMessage } from '../protocols/raft/types.ts'
import { utf8Bytes } from './codec-shape.ts'
import { holderMessages, logRecords, peerMessages, sponsorMessages } from './codec.ts'
import type { Codec } from './codec.ts'
import type { ErrorReply, HolderMessage, LogRecord, PeerMessage, SponsorMessage } from './messages.ts'

// The arbitraries are written by hand from the types, not derived from the tables under test.
const whole = fc.maxSafeNat()
const id = fc
  .string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
  .filter((text) => utf8Bytes(text) <= 128)
const token = fc.bigInt({ min: 0n, max: 2n ** 100n })
const metadata = fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 20 }), {
  noNullPrototype: true,
})
const exclusivity = fc.constantFrom('time' as const, 'token' as const)
const host = fc.option(fc.record({ peer: id, incarnation: whole }))
const is = <const T extends string>(value: T) => fc.constant(value)
const prose = fc.string({ maxLength: 60 })
const ms = fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0)

const request: fc.Arbitrary<SessionRequest> = fc.oneof(
  fc.record({ type: is('campaign'), election: id, exclusivity, priority: fc.integer(), metadata }),
  fc.record({ type: is('leave'), election: id }),
  fc.record({ type: is('release'), election: id, token }),
  fc.record({ type: is('check-transfer'), election: id, token, to: id }),
  fc.record({ type: is('transfer'), election: id, token, to: id }),
  fc.record({ type: is('proclaim'), election: id, token, metadata }),
  fc.record({ type: is('turn-away'), election: id, code: is('LIMIT_EXCEEDED'), message: prose }),
)
const requests = fc.array(request, { maxLength: 4 })
const batch = { session: id, number: whole, requests }
const open = { session: id, id, leaseMs: ms, host }

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: is('open'), ...open }),
  fc.record({ type: is('reopen'), session: id, epoch: whole }),
  fc.record({ type: is('batch'), ...batch }),
  fc.record({
    type: is('grant'),
    grants: fc.array(fc.record({ election: id, session: id }), { maxLength: 3 }),
  }),
  fc.record({ type: fc.constantFrom('expire' as const, 'suspect' as const), session: id, epoch: whole }),
  fc.record({ type: is('close'), session: id }),
)
const entries = fc.array(fc.record({ index: whole, term: whole, data: fc.option(command) }), { maxLength: 4 })

const raft: fc.Arbitrary<RaftMessage<Command>> = fc.oneof(
  fc.record({ type: is('pre-vote'), term: whole, lastIndex: whole, lastTerm: whole }),
  fc.record({
    type: fc.constantFrom('pre-vote-reply' as const, 'vote-reply' as const),
    term: whole,
    granted: fc.boolean(),
  }),
  fc.record({ type: is('vote'), term: whole, lastIndex: whole, lastTerm: whole, transfer: fc.boolean() }),
  fc.record({
    type: is('append'),
    term: whole,
    previousIndex: whole,
    previousTerm: whole,
    entries,
    commit: whole,
  }),
  fc.record({ type: is('append-reply'), term: whole, accepted: fc.boolean(), matchIndex: whole }),
  fc.record({
    type: is('heartbeat'),
    term: whole,
    commit: whole,
    round: whole,
    successors: fc.array(id, { maxLength: 5 }),
  }),
  fc.record({
    type: is('heartbeat'),
    term: whole,
    commit: whole,
    round: whole,
    successors: fc.array(id, { maxLength: 5 }),
    pulse: fc.record({
      intervalMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      silenceMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    }),
  }),
  fc.record({ type: is('heartbeat-reply'), term: whole, round: whole, lastIndex: whole }),
  fc.record({ type: is('timeout-now'), term: whole }),
)

const support: fc.Arbitrary<SupportMessage> = fc.oneof(
  fc.record({ type: is('keepalive'), session: id, epoch: whole, sequence: whole }),
  fc.record({
    type: is('keepalive-ack'),
    session: id,
    epoch: whole,
    sequence: whole,
    voter: id,
    voterIncarnation: whole,
  }),
  fc.record({
    type: is('keepalive-refusal'),
    session: id,
    epoch: whole,
    voter: id,
    reason: fc.constantFrom(
      'withdrawn' as const,
      'closed' as const,
      'superseded' as const,
      'reopened' as const,
    ),
  }),
  fc.record({ type: is('withdraw-request'), session: id, epoch: whole }),
  fc.record({ type: is('withdraw-answer'), session: id, epoch: whole, voter: id }),
)

/** Through JSON once: it has no -0. */
const json = fc
  .jsonValue({ maxDepth: 2, stringUnit: 'binary' })
  .map((value): unknown => JSON.parse(JSON.stringify(value)))
const error: fc.Arbitrary<ErrorReply> = fc.record(
  {
    code: fc.constantFrom(...mandateErrorCodes),
    message: prose,
    details: fc.dictionary(fc.string({ maxLength: 6 }), json, { maxKeys: 4, noNullPrototype: true }),
  },
  { requiredKeys: ['code', 'message'], noNullPrototype: true },
)
const openRequest = fc.record(open)

const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ kind: is('raft'), message: raft }),
  fc.record({ kind: is('support'), message: support }),
  fc.record({
    kind: is('propose'),
    proposal: fc.oneof(
      fc.record({ type: is('open'), request: openRequest }),
      fc.record({ type: is('batch'), ...batch }),
      fc.record({ type: is('reopen'), session: id, epoch: whole }),
      fc.record({ type: is('close'), session: id }),
    ),
  }),
  fc.record({ kind: is('turned-away'), session: id, error }),
  fc.record({ kind: is('read-index'), id: whole }),
  fc.record({ kind: is('read-index-reply'), id: whole, index: fc.option(whole) }),
)

const holderMessage: fc.Arbitrary<HolderMessage> = fc.oneof(
  fc.record({ type: is('open'), request: openRequest, reattach: fc.boolean() }),
  fc.record({ type: is('keepalive'), session: id, epoch: whole, sequence: whole }),
  fc.record({ type: is('reopen'), session: id, epoch: whole }),
  fc.record({ type: is('batch'), ...batch }),
  fc.record({ type: is('close'), session: id }),
  fc.record({ type: is('observe'), id: whole, election: id }),
  fc.record({ type: is('unobserve'), id: whole }),
  fc.record({ type: is('status'), id: whole, election: fc.option(id) }),
)

const result: fc.Arbitrary<RequestResult> = fc.oneof(
  fc.record({ is: is('queued'), ahead: whole }),
  fc.record({
    is: fc.constantFrom('done' as const, 'was-not-holder' as const, 'no-such-candidate' as const),
  }),
  fc.record(
    {
      is: is('refused'),
      code: fc.constantFrom(
        'INVALID_OPTIONS' as const,
        'DUPLICATE_ID' as const,
        'LIMIT_EXCEEDED' as const,
        'CLOSED' as const,
      ),
      message: prose,
      expected: prose,
    },
    { requiredKeys: ['is', 'code', 'message'], noNullPrototype: true },
  ),
)
const results = fc.array(result, { maxLength: 4 })
const led = { id, token, metadata }

const sponsorMessage: fc.Arbitrary<SponsorMessage> = fc.oneof(
  fc.record({
    type: is('opened'),
    session: id,
    scope: prose,
    voters: fc.array(id, { maxLength: 5 }),
    state: fc.record({
      epoch: whole,
      number: whole,
      results,
      holds: fc.array(fc.record({ election: id, token }), { maxLength: 3 }),
      waits: fc.array(fc.record({ election: id, ahead: whole }), { maxLength: 3 }),
    }),
  }),
  fc.record({ type: is('session-ended'), session: id, error }),
  fc.record({ type: is('support'), message: support }),
  fc.record({ type: is('results'), session: id, number: whole, results }),
  fc.record({ type: is('reopened'), session: id, epoch: whole }),
  fc.record({ type: is('waiting'), session: id, election: id, ahead: whole }),
  fc.record({ type: is('granted'), session: id, election: id, token }),
  fc.record({
    type: is('freed'),
    session: id,
    election: id,
    token,
    reason: fc.constantFrom(
      'released' as const,
      'transferred' as const,
      'expired' as const,
      'suspected' as const,
      'closed' as const,
    ),
  }),
  fc.record({
    type: is('observed'),
    id: whole,
    state: fc.oneof(
      fc.record({ is: is('led'), ...led }),
      fc.record({ is: is('vacant') }),
      fc.record({ is: is('unknown'), reason: prose }),
    ),
  }),
  fc.record({
    type: is('status'),
    id: whole,
    status: fc.record({
      peer: id,
      cluster: prose,
      version: is('0.1.0'),
      role: fc.constantFrom('leader' as const, 'follower' as const, 'candidate' as const),
      term: whole,
      leader: fc.option(id),
      commitIndex: whole,
      appliedIndex: whole,
      logBytes: whole,
      logBytesMax: whole,
      quorum: fc.boolean(),
      peers: fc.array(
        fc.record({
          id,
          address: prose,
          reachable: fc.boolean(),
          lastHeardMs: fc.option(ms),
          problem: fc.option(prose),
        }),
        { maxLength: 3 },
      ),
      elections: fc.array(
        fc.record({
          name: id,
          exclusivity,
          leader: fc.option(fc.record(led)),
          heldMs: fc.option(ms),
          expiresInMs: fc.option(ms),
          waiting: fc.array(fc.record({ id, priority: fc.integer() }), { maxLength: 3 }),
          lastReason: fc.option(prose),
        }),
        { maxLength: 2 },
      ),
    }),
  }),
  fc.record({ type: is('error'), id: fc.option(whole), error }),
)

const logRecord: fc.Arbitrary<LogRecord> = fc.oneof(
  fc.record({ type: is('identity'), cluster: prose, peer: id, storageId: id }),
  fc.record({ type: is('incarnation'), incarnation: whole, run: id }),
  fc.record({ type: is('hard-state'), term: whole, votedFor: fc.option(id) }),
  fc.record({ type: is('entries'), entries }),
  fc.record({ type: is('withdrawal'), session: id, epoch: whole }),
  fc.record({ type: is('peer'), peer: id, storageId: id, incarnation: whole, run: id }),
)

const plainCopy = (value: unknown): unknown => structuredClone(value)
const bytesOf = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

function roundTrips<T>(name: string, codec: Codec<T>, messages: fc.Arbitrary<T>) {
  it(`gives back every ${name} as it was`, () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(plainCopy(codec.decode(codec.encode(message)))).toEqual(plainCopy(message))
      }),
      { numRuns: 150 },
    )
  })
}

describe('codec', () => {
  roundTrips('PeerMessage', peerMessages, peerMessage)
  roundTrips('HolderMessage', holderMessages, holderMessage)
  roundTrips('SponsorMessage', sponsorMessages, sponsorMessage)
  roundTrips('LogRecord', logRecords, logRecord)

  it('keeps tokens above 2^53 exact, also deep inside an entry', () => {
    const message: LogRecord = {
      type: 'entries',
      entries: [
        {
          index: 1,
          term: 1,
          data: {
            type: 'batch',
            session: 's',
            number: 1,
            requests: [{ type: 'release', election: 'e', token: 2n ** 63n + 1n }],
          },
        },
      ],
    }
    expect(logRecords.decode(logRecords.encode(message))).toEqual(message)
  })
})

describe('codec on bad input', () => {
  const refusal = (codec: Codec<unknown>, value: unknown): string => {
    try {
      codec.decode(bytesOf(value))
    } catch (thrown) {
      if (isMandateError(thrown, 'PROTOCOL_ERROR')) return thrown.details.reason
      throw thrown
    }
    return 'accepted'
  }
  const append = (entry: unknown) => ({
    kind: 'raft',
    message: { type: 'append', term: 1, previousIndex: 0, previousTerm: 0, entries: [entry], commit: 0 },
  })

  it.each([
    [
      append({ index: 1, term: 1.5, data: null }),
      'PeerMessage.message.entries[0].term: expected a safe integer',
    ],
    [
      append({ index: 2 ** 53, term: 1, data: null }),
      'PeerMessage.message.entries[0].index: expected a safe integer',
    ],
    [append({ index: 1, term: 1 }), 'PeerMessage.message.entries[0].data: expected an object, got nothing'],
    [{ kind: 'gossip' }, 'PeerMessage.kind: expected one of raft, support'],
    [{ kind: 'constructor' }, 'PeerMessage.kind: expected one of'],
    [{ kind: ['raft'] }, 'PeerMessage.kind: expected one of'],
    [{ kind: 'read-index', id: -1 }, 'PeerMessage.id: expected a safe integer of at least 0, got -1'],
    [
      { kind: 'raft', message: { type: 'vote-reply', term: 1, granted: 1 } },
      '.message.granted: expected true or false',
    ],
    [{ kind: 'raft', message: { type: 'toString' } }, 'PeerMessage.message.type: expected one of'],
    ['[1, 2', 'PeerMessage: not JSON in UTF-8'],
    ['null', 'PeerMessage: expected an object, got null'],
    ['[]', 'PeerMessage: expected an object, got a list of 0'],
  ])('refuses %j and names the field', (value, reason) => {
    expect(refusal(peerMessages, value)).toContain(reason)
  })

  const campaign = (change: object) => ({
    type: 'batch',
    session: 's',
    number: 1,
    requests: [
      { type: 'campaign', election: 'e', exclusivity: 'time', priority: 0, metadata: {}, ...change },
    ],
  })

  it.each([
    [{ election: 'x'.repeat(254) }, 'HolderMessage.requests[0].election: expected text of 1 to 253 bytes'],
    [{ election: 'é'.repeat(127) }, 'HolderMessage.requests[0].election: expected text of 1 to 253 bytes'],
    [{ election: '' }, 'HolderMessage.requests[0].election: expected text'],
    [{ metadata: { a: 'x'.repeat(4096) } }, 'requests[0].metadata: expected at most 4096 bytes'],
    [{ metadata: { a: 1 } }, 'requests[0].metadata["a"]: expected text, got 1'],
    [{ metadata: [] }, 'requests[0].metadata: expected an object'],
    [{ priority: 'high' }, 'requests[0].priority: expected a finite number'],
    [{ type: 'release', token: 12 }, 'requests[0].token: expected up to 39 decimal digits, got 12'],
    [{ type: 'release', token: '-1' }, 'requests[0].token: expected up to 39 decimal digits'],
    [{ type: 'release', token: '9'.repeat(100_000) }, 'requests[0].token: expected up to 39 decimal digits'],
  ])('refuses a request with %j', (change, reason) => {
    expect(refusal(holderMessages, campaign(change))).toContain(reason)
  })

  it('accepts names and metadata exactly at their limits', () => {
    const value = campaign({ election: 'x'.repeat(253), metadata: { k: 'v'.repeat(4095) } })
    expect(refusal(holderMessages, value)).toBe('accepted')
  })

  it('refuses error details that are too deep, without overflowing the stack', () => {
    const details = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const message = (depth: number) =>
      `{"type":"error","id":1,"error":{"code":"INTERNAL","message":"","details":${details(depth)}}}`
    expect(refusal(sponsorMessages, message(7))).toBe('accepted')
    expect(refusal(sponsorMessages, message(9))).toContain(
      'SponsorMessage.error.details: expected at most 8 levels',
    )
    expect(refusal(sponsorMessages, message(100_000))).toContain('expected at most 8 levels')
    expect(refusal(sponsorMessages, '['.repeat(500_000))).toContain('not JSON')
  })

  it('gives `__proto__` and `constructor` no power', () => {
    const text = `{"type":"batch","session":"s","number":1,"__proto__":{"polluted":1},"constructor":{"a":1},"requests":
      [{"type":"campaign","election":"e","exclusivity":"time","priority":0,"metadata":{"__proto__":"x"}}]}`
    const message = holderMessages.decode(bytesOf(text)) as unknown as Record<string, unknown>
    expect(Object.keys(message)).toEqual(['type', 'session', 'number', 'requests'])
    expect(message['polluted']).toBeUndefined()
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    // A missing field is not found on the prototype either.
    expect(
      refusal(holderMessages, '{"type":"batch","session":"s","number":1,"__proto__":{"requests":[]}}'),
    ).toContain('requests')
  })

  const anyCodec = fc.constantFrom<Codec<unknown>>(
    peerMessages as Codec<unknown>,
    holderMessages as Codec<unknown>,
    sponsorMessages as Codec<unknown>,
    logRecords as Codec<unknown>,
  )
  const survives = (codec: Codec<unknown>, bytes: Uint8Array): boolean => {
    try {
      codec.decode(bytes)
      return true
    } catch (thrown) {
      return isMandateError(thrown, 'PROTOCOL_ERROR')
    }
  }

  it('throws nothing but PROTOCOL_ERROR on random bytes and random JSON', () => {
    fc.assert(
      fc.property(anyCodec, fc.uint8Array({ maxLength: 200 }), (codec, bytes) => survives(codec, bytes)),
      { numRuns: 200 },
    )
    fc.assert(
      fc.property(anyCodec, fc.json(), (codec, text) => survives(codec, bytesOf(text))),
      { numRuns: 200 },
    )
  })

  it('throws nothing but PROTOCOL_ERROR on truncated and bit-flipped messages', () => {
    const damage = fc.record({ position: fc.nat(), bit: fc.nat(7), cut: fc.boolean() })
    fc.assert(
      fc.property(peerMessage, damage, (message, { position, bit, cut }) => {
        const bytes = peerMessages.encode(message)
        const at = position % bytes.length
        if (cut) return survives(peerMessages, bytes.slice(0, at))
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        return survives(peerMessages, bytes)
      }),
      { numRuns: 300 },
    )
  })
})

describe('utf8Bytes', () => {
  it('agrees with the encoder on any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => utf8Bytes(text) === new TextEncoder().encode(text).length,
      ),
    )
    expect(utf8Bytes('\ud800a')).toBe(new TextEncoder().encode('\ud800a').length)
  })
})
