/** The bytes here were written by ZooKeeper's own classes (3.8.0: `proto.*`, `MultiOperationRecord`, `MultiResponse`). */
import { describe, expect, it } from 'vitest'
import { FrameReader } from './frame-reader.ts'
import { JuteReader } from './jute.ts'
import {
  encodeAuth,
  encodeOperation,
  encodePing,
  encodeSetWatches,
  readReply,
  readReplyHeader,
} from './operations.ts'
import type { MultiOperation, Operation } from './operations.ts'
import { decodeConnect, encodeConnect, noPassword, readWatchEvent } from './records.ts'

const stat =
  '000000050000000700000005000000080000018bcfe568000000018bcfe56801000000030000000400000005100a0b0c0d0e0f1000000006000000070000000500000009'
const aStat = {
  czxid: 0x500000007n,
  mzxid: 0x500000008n,
  ctimeMs: 1_700_000_000_000n,
  version: 3,
  childVersion: 4,
  ephemeralOwner: 0x100a0b0c0d0e0f10n,
  childCount: 7,
}
const password = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')
const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }]
const data = Buffer.from('id')

/** What stands behind the length. */
function body(frame: Buffer): string {
  expect(frame.readInt32BE(0)).toBe(frame.length - 4)
  return frame.subarray(4).toString('hex')
}

function answer(hex: string, operation: Operation): unknown {
  const reader = new JuteReader(Buffer.from(hex, 'hex'))
  const header = readReplyHeader(reader)
  const reply = readReply(reader, operation, header.error)
  expect(reader.left).toBe(0)
  return reply
}

describe('what is sent', () => {
  it('connects with a session of its own, or anew; a read-only server is not enough', () => {
    const anew = { sessionId: 0n, password: noPassword, timeoutMs: 4000, lastZxidSeen: 0n }
    expect(body(encodeConnect(anew))).toBe(
      '00000000000000000000000000000fa00000000000000000000000100000000000000000000000000000000000',
    )
    const again = {
      sessionId: 0x100a0b0c0d0e0f10n,
      password,
      timeoutMs: 4000,
      lastZxidSeen: 0x500000007n,
    }
    expect(body(encodeConnect(again))).toBe(
      '00000000000000050000000700000fa0100a0b0c0d0e0f10000000100102030405060708090a0b0c0d0e0f1000',
    )
  })

  const requests: readonly (readonly [Operation, string])[] = [
    [
      { op: 'create', path: '/a/n-', data, acl, mode: 'ephemeral-sequential' },
      '0000000f000000052f612f6e2d000000026964000000010000001f00000005776f726c6400000006616e796f6e6500000003',
    ],
    [
      { op: 'create', path: '/a', data: Buffer.alloc(0), acl, mode: 'container' },
      '00000013000000022f6100000000000000010000001f00000005776f726c6400000006616e796f6e6500000004',
    ],
    [{ op: 'delete', path: '/a', version: -1 }, '00000002000000022f61ffffffff'],
    [{ op: 'exists', path: '/a', watch: true }, '00000003000000022f6101'],
    [{ op: 'getData', path: '/a', watch: false }, '00000004000000022f6100'],
    [{ op: 'getChildren', path: '/a', watch: true }, '0000000c000000022f6101'],
    [
      { op: 'setData', path: '/a', data: Buffer.from('é'), version: 2 },
      '00000005000000022f6100000002c3a900000002',
    ],
    [{ op: 'getAcl', path: '/a' }, '00000006000000022f61'],
    [{ op: 'sync', path: '/' }, '00000009000000012f'],
    [{ op: 'closeSession' }, 'fffffff5'],
  ]
  it.each(requests)('%o', (operation, hex) => {
    expect(body(encodeOperation(10, operation))).toBe(`0000000a${hex}`)
  })

  it('pings, authenticates and sets watches again under the ids of the protocol', () => {
    expect(body(encodePing())).toBe('fffffffe0000000b')
    expect(body(encodeAuth('digest', Buffer.from('u:p')))).toBe(
      'fffffffc00000064000000000000000664696765737400000003753a70',
    )
    const paths = { data: ['/d'], exist: ['/e'], child: ['/c', '/f'] }
    expect(body(encodeSetWatches(0x500000007n, paths))).toBe(
      'fffffff800000065000000050000000700000001000000022f6400000001000000022f6500000002000000022f63000000022f66',
    )
  })

  it('a transaction, each operation with a header, and an end', () => {
    const operations: MultiOperation[] = [
      { op: 'check', path: '/a', version: -1 },
      { op: 'setData', path: '/b', data: Buffer.from('v'), version: 1 },
      { op: 'create', path: '/c', data: Buffer.from('w'), acl, mode: 'ephemeral' },
      { op: 'delete', path: '/d', version: 0 },
    ]
    // The Java client asks for `create` (1) here where this one asks for `create2` (15).
    expect(body(encodeOperation(11, { op: 'multi', operations }))).toBe(
      '0000000b0000000e0000000d00ffffffff000000022f61ffffffff0000000500ffffffff000000022f6200000001760000000100' +
        '00000f00ffffffff000000022f630000000177000000010000001f00000005776f726c6400000006616e796f6e65000000010000' +
        '000200ffffffff000000022f6400000000ffffffff01ffffffff',
    )
  })
})

describe('what is received', () => {
  it('grants a session, its id above 2^53 to the last digit', () => {
    const hex = '0000000000001770100a0b0c0d0e0f10000000100102030405060708090a0b0c0d0e0f10'
    const granted = { timeoutMs: 6000, sessionId: 0x100a0b0c0d0e0f10n, password }
    expect(decodeConnect(Buffer.from(hex, 'hex'))).toEqual(granted)
    expect(decodeConnect(Buffer.from(`${hex}00`, 'hex'))).toEqual(granted)
  })

  it('answers with what was asked for', () => {
    const create: Operation = { op: 'create', path: '/a/n-', data, acl, mode: 'ephemeral-sequential' }
    const path = '0000000f2f612f6e2d30303030303030303033'
    expect(answer(`00000001000000050000000700000000${path}${stat}`, create)).toEqual({
      path: '/a/n-0000000003',
      stat: aStat,
    })
    expect(
      answer(`00000005000000050000000700000000000000026964${stat}`, {
        op: 'getData',
        path: '/a',
        watch: false,
      }),
    ).toEqual({ data, stat: aStat })
    expect(
      answer(`0000000600000005000000070000000000000002000000017800000001${'79'}${stat}`, {
        op: 'getChildren',
        path: '/a',
        watch: false,
      }),
    ).toEqual({ children: ['x', 'y'], stat: aStat })
    const listed = '00000008000000050000000700000000000000010000001f00000005776f726c6400000006616e796f6e65'
    expect(answer(listed, { op: 'getAcl', path: '/a' })).toEqual(acl)
  })

  it('refuses by a code that has a name, and a path', () => {
    const refused = answer('000000050000000500000007ffffff9b', { op: 'getData', path: '/a', watch: false })
    expect(refused).toMatchObject({ code: 'NONODE', path: '/a' })
  })

  it('tells what became of a transaction: of the operation that is to blame', () => {
    const operations: MultiOperation[] = [
      { op: 'check', path: '/a', version: -1 },
      { op: 'setData', path: '/b', data, version: 1 },
      { op: 'create', path: '/c', data, acl, mode: 'ephemeral' },
      { op: 'delete', path: '/d', version: 0 },
    ]
    const done =
      `0000000b0000000500000007000000000000000d000000000000000005${'00'}00000000${stat}` +
      '000000010000000000000000022f63000000020000000000ffffffff01ffffffff'
    expect(answer(done, { op: 'multi', operations })).toBeUndefined()
    const refused =
      '0000000b000000050000000700000000ffffffff000000000000000000ffffffff00ffffff99ffffff99ffffffff00fffffffefffffffe' +
      'ffffffff00fffffffefffffffeffffffff01ffffffff'
    expect(answer(refused, { op: 'multi', operations })).toMatchObject({ code: 'BADVERSION', path: '/b' })
  })

  it('tells of a change by its path', () => {
    const reader = new JuteReader(
      Buffer.from(
        'ffffffffffffffffffffffff0000000000000002000000030000000f2f612f6e2d30303030303030303033',
        'hex',
      ),
    )
    expect(readReplyHeader(reader)).toEqual({ xid: -1, zxid: -1n, error: 0 })
    expect(readWatchEvent(reader)).toEqual({ type: 'deleted', path: '/a/n-0000000003' })
  })

  it('that is cut short, or counts more than it holds, is a PROTOCOL_ERROR', () => {
    const whole = Buffer.from(`00000002000000017800000001${'79'}${stat}`, 'hex')
    const operation: Operation = { op: 'getChildren', path: '/a', watch: false }
    for (let length = 0; length < whole.length; length += 1) {
      const cut = new JuteReader(whole.subarray(0, length))
      expect(() => readReply(cut, operation, 0), `${length} bytes`).toThrow(/does not speak ZooKeeper/)
    }
    for (const hex of ['7fffffff00000000', 'fffffffe00000000', '0000000180000000']) {
      const lying = new JuteReader(Buffer.from(hex, 'hex'))
      expect(() => readReply(lying, operation, 0), hex).toThrow(/does not speak ZooKeeper/)
    }
    const multi: Operation = { op: 'multi', operations: [{ op: 'delete', path: '/a', version: -1 }] }
    expect(() => readReply(new JuteReader(Buffer.from('0000000700ffffffff', 'hex')), multi, 0)).toThrow(
      /type 7/,
    )
    expect(() => readReply(new JuteReader(Buffer.alloc(0)), multi, 0)).toThrow(/ends inside a number/)
  })
})

describe('frames', () => {
  const frame = (text: string): Buffer => {
    const content = Buffer.from(text.padEnd(16, '.'))
    const length = Buffer.alloc(4)
    length.writeInt32BE(content.length)
    return Buffer.concat([length, content])
  }

  it('come out whole, in whatever pieces they arrive', () => {
    const stream = Buffer.concat([frame('one'), frame('two and a bit more than that'), frame('three')])
    for (let size = 1; size <= stream.length; size += 1) {
      const reader = new FrameReader(100)
      const seen: string[] = []
      for (let at = 0; at < stream.length; at += size)
        seen.push(...reader.push(stream.subarray(at, at + size)).map(({ bytes }) => bytes.toString()))
      expect(seen, `pieces of ${size}`).toEqual([
        'one'.padEnd(16, '.'),
        'two and a bit more than that',
        'three'.padEnd(16, '.'),
      ])
    }
  })

  it('that are too long are cut to their header, and what comes behind them is read', () => {
    const stream = Buffer.concat([
      frame('one'),
      frame('x'.repeat(101)),
      frame('y'.repeat(300)),
      frame('three'),
    ])
    for (let size = 1; size <= stream.length; size += 1) {
      const reader = new FrameReader(100)
      const seen: string[] = []
      for (let at = 0; at < stream.length; at += size)
        for (const { bytes, cut } of reader.push(stream.subarray(at, at + size)))
          seen.push(`${bytes.toString()} ${cut?.length}`)
      expect(seen, `pieces of ${size}`).toEqual([
        `${'one'.padEnd(16, '.')} undefined`,
        `${'x'.repeat(16)} 101`,
        `${'y'.repeat(16)} 300`,
        `${'three'.padEnd(16, '.')} undefined`,
      ])
    }
  })

  it('of a length that no answer has are refused before they come', () => {
    for (const length of [-1, 0, 15, 0x48545450]) {
      const declared = Buffer.alloc(4)
      declared.writeInt32BE(length)
      expect(() => new FrameReader(100).push(declared), String(length)).toThrow(
        new RegExp(`a frame of ${length} bytes`),
      )
    }
  })

  it('of exactly the limit are read', () => {
    expect(new FrameReader(16).push(frame('x'))).toHaveLength(1)
  })
})
