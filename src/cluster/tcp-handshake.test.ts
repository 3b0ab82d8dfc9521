import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMandateError } from '../errors.ts'
import { encodeFrame, FrameReader, maxHandshakeBytes, type Frame } from './tcp-frame.ts'
import { peerHelloFrame, readHello, type PeerHello } from './tcp-handshake.ts'

const listener = { self: 'a', cluster: 'test', peers: ['a', 'b'] }
const hello: Omit<PeerHello, 'protocol'> = {
  cluster: 'test',
  from: 'b',
  to: 'a',
  lane: 'urgent',
  seen: 4,
  storageId: 'disk',
  incarnation: 3,
  run: 'r3',
  earlier: [
    { incarnation: 1, run: 'r1' },
    { incarnation: 2, run: 'r2' },
  ],
}
const plain = { protocol: 2, ...hello }

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  new FrameReader(maxHandshakeBytes).push(bytes, ({ type, payload }) => {
    frames.push({ type, payload: Uint8Array.from(payload) })
    return true
  })
  return frames
}

const heard = (bytes: Buffer) => readHello(framesOf(bytes)[0] as Frame, listener)
const heardAsJson = (value: unknown) => heard(encodeFrame('peer-hello', Buffer.from(JSON.stringify(value))))

/** The reason, or `undefined` if it was read. */
function refusal(value: unknown): string | undefined {
  try {
    heardAsJson(value)
    return undefined
  } catch (error) {
    if (!isMandateError(error, 'PROTOCOL_ERROR')) throw error
    return error.details.reason
  }
}

describe('the hello of a peer', () => {
  it('comes over as it was, with the starts of the folder', () => {
    expect(heard(peerHelloFrame(hello))).toEqual({ is: 'peer', hello: plain })
    expect(heard(peerHelloFrame({ ...hello, seen: null, earlier: [] }))).toMatchObject({
      hello: { seen: null, earlier: [] },
    })
  })

  it('fits its frame when everything in it is as long as it gets', () => {
    const longest = {
      ...hello,
      cluster: 'c'.repeat(253),
      storageId: 's'.repeat(16),
      earlier: Array.from({ length: 33 }, () => ({ incarnation: 2 ** 53 - 1, run: 'f'.repeat(16) })),
    }
    expect(framesOf(peerHelloFrame(longest))).toHaveLength(1)
  })

  it('is refused, naming the field, when a start has no run id, or there are too many, or none was seen in words', () => {
    const start = { incarnation: 1, run: 'r' }
    expect(refusal({ ...plain, run: undefined })).toContain('PeerHello.run')
    expect(refusal({ ...plain, run: '' })).toContain('PeerHello.run')
    expect(refusal({ ...plain, earlier: undefined })).toContain('PeerHello.earlier')
    expect(refusal({ ...plain, earlier: [start, { incarnation: 2 }] })).toContain('PeerHello.earlier[1].run')
    expect(refusal({ ...plain, earlier: [{ incarnation: -1, run: 'r' }] })).toContain(
      'earlier[0].incarnation',
    )
    expect(refusal({ ...plain, earlier: Array.from({ length: 34 }, () => start) })).toContain('at most 33')
    expect(refusal({ ...plain, seen: 'none' })).toContain('PeerHello.seen')
    expect(refusal({ ...plain, seen: undefined })).toContain('PeerHello.seen')
  })

  it('of another version is told so, whatever else is in it', () => {
    expect(heardAsJson({ protocol: 1, from: 'b' })).toMatchObject({
      is: 'refused',
      error: { code: 'PROTOCOL_ERROR', message: expect.stringContaining('run the same version') },
    })
  })

  it('is read or refused, whatever stands in the place of its starts', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(plain)), fc.jsonValue(), (key, value) => {
        const reason = refusal({ ...plain, [key]: value })
        if (reason !== undefined) expect(reason).toContain(`.${key}`)
      }),
    )
  })
})
