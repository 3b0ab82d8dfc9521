import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMandateError } from '../errors.ts'
import { encodeFrame, FrameReader } from './tcp-frame.ts'

const read = (pieces: readonly Buffer[], max = 1024): string[] => {
  const reader = new FrameReader(max)
  const frames: string[] = []
  for (const piece of pieces) {
    reader.push(piece, ({ type, payload }) => {
      frames.push(`${type}:${Buffer.from(payload).toString('hex')}`)
      return true
    })
  }
  return frames
}

const refusal = (bytes: Buffer, max = 1024): string => {
  try {
    read([bytes], max)
  } catch (error) {
    if (isMandateError(error, 'PROTOCOL_ERROR')) return error.details.reason
    throw error
  }
  return 'accepted'
}

const cutAt = (bytes: Buffer, positions: readonly number[]): Buffer[] => {
  const cuts = [0, ...positions.map((p) => p % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
}

describe('FrameReader', () => {
  it('gives the same frames however the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(), { maxLength: 12 }), (list, positions) => {
        const stream = Buffer.concat(list.map((payload) => encodeFrame('message', payload)))
        const expected = list.map((payload) => `message:${Buffer.from(payload).toString('hex')}`)
        expect(read(cutAt(stream, positions))).toEqual(expected)
        expect(read([...stream].map((byte) => Buffer.from([byte])))).toEqual(expected)
      }),
      { numRuns: 150 },
    )
  })

  it('refuses a frame at its declared length, before its payload arrives', () => {
    const header = encodeFrame('message', Buffer.alloc(1025)).subarray(0, 10)
    expect(refusal(header)).toBe('frame of 1025 bytes, at most 1024 are read here')
    const huge = Buffer.from(header)
    huge.writeUInt32BE(0xffff_ffff, 0)
    expect(refusal(huge)).toContain('frame of 4294967295 bytes')
  })

  it('takes a payload of exactly the maximum, and an empty one', () => {
    expect(refusal(encodeFrame('message', Buffer.alloc(1024)))).toBe('accepted')
    expect(read([encodeFrame('welcome', Buffer.alloc(0))])).toEqual(['welcome:'])
  })

  it('refuses another version and an unknown type', () => {
    const frame = encodeFrame('message', Buffer.from('x'))
    frame[4] = 2
    expect(refusal(frame)).toBe('frame version 2, this peer reads version 1')
    frame[4] = 1
    frame[5] = 200
    expect(refusal(frame)).toBe('unknown frame type 200')
    expect(refusal(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toContain('frame version')
  })

  it('never passes on a frame with a flipped bit', () => {
    const frame = encodeFrame('message', Buffer.from('vote'))
    for (let bit = 0; bit < frame.length * 8; bit += 1) {
      const flipped = Buffer.from(frame)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const reader = new FrameReader(1024)
      let frames = 0
      try {
        reader.push(flipped, () => (frames += 1) > 0)
      } catch (error) {
        expect(isMandateError(error, 'PROTOCOL_ERROR')).toBe(true)
      }
      expect(frames).toBe(0)
    }
  })

  it('throws nothing but PROTOCOL_ERROR on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => refusal(Buffer.from(bytes)) !== ''),
      { numRuns: 300 },
    )
  })

  it('copies a large frame that arrives byte by byte only a few times', () => {
    const frame = encodeFrame('message', Buffer.alloc(256 * 1024, 7))
    const reader = new FrameReader(256 * 1024)
    let copied = 0
    const copy = Buffer.prototype.copy
    Buffer.prototype.copy = function count(this: Buffer, ...o: Parameters<Buffer['copy']>) {
      const bytes = copy.apply(this, o)
      copied += bytes
      return bytes
    } as Buffer['copy']
    try {
      for (let i = 0; i < frame.length; i += 64) reader.push(frame.subarray(i, i + 64), () => true)
    } finally {
      Buffer.prototype.copy = copy
    }
    expect(copied).toBeLessThan(frame.length * 4)
  })

  it('stops as soon as the handler has had enough', () => {
    const reader = new FrameReader(64)
    let seen = 0
    const two = Buffer.concat([
      encodeFrame('message', Buffer.from('a')),
      encodeFrame('message', Buffer.from('b')),
    ])
    reader.push(two, () => {
      seen += 1
      return false
    })
    expect(seen).toBe(1)
  })
})
