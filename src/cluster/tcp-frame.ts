/**
 * Frames on a connection: `length u32 | version u8 | type u8 | crc32 u32 | payload`, big endian. The checksum covers
 * the six bytes before it and the payload; the length is the payload's and is refused before anything is buffered.
 */
import { crc32 } from 'node:zlib'
import { MandateError } from '../errors.ts'

export const FRAME_VERSION = 1
const HEADER_BYTES = 10
const CHECKED_HEADER_BYTES = 6

export const maxHandshakeBytes = 4 * 1024
/** Votes and heartbeats need no more. What is larger goes by the bulk lane, so that it delays none of them. */
export const maxUrgentBytes = 64 * 1024
/** What a client may send: a batch of 12 requests, with 4 KiB of metadata each that JSON may escape sixfold. */
export const maxClientBytes = 512 * 1024
/** An append of 12 such batches: an entry that fits no frame could never be replicated, and would stop the cluster. */
export const maxBulkBytes = 4 * 1024 * 1024
/** From a peer to its client: the state of a session with thousands of elections must fit. */
export const maxSponsorBytes = 4 * 1024 * 1024

/** `receipt`: empty, back on an urgent lane: what was sent on it arrives. */
const frameTypes = ['peer-hello', 'client-hello', 'welcome', 'reject', 'message', 'receipt'] as const
export type FrameType = (typeof frameTypes)[number]

export interface Frame {
  readonly type: FrameType
  /** Valid until the handler returns. */
  readonly payload: Uint8Array
}

export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.writeUInt32BE(payload.length, 0)
  frame[4] = FRAME_VERSION
  frame[5] = frameTypes.indexOf(type)
  frame.set(payload, HEADER_BYTES)
  frame.writeUInt32BE(checksum(frame, frame.subarray(HEADER_BYTES)), CHECKED_HEADER_BYTES)
  return frame
}

function checksum(header: Buffer, payload: Buffer): number {
  return crc32(payload, crc32(header.subarray(0, CHECKED_HEADER_BYTES)))
}

function refuse(reason: string): never {
  throw new MandateError('PROTOCOL_ERROR', reason, { reason })
}

/**
 * Cuts a byte stream into frames. Whole frames are passed on without a copy; of an incomplete one every byte is copied
 * a constant number of times however small the pieces, and no more than twice what arrived is held.
 */
export class FrameReader {
  /** May be raised after a handshake. */
  maxPayloadBytes: number
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0

  constructor(maxPayloadBytes: number) {
    this.maxPayloadBytes = maxPayloadBytes
  }

  /** Stops early once `onFrame` returns false. @throws PROTOCOL_ERROR: the stream cannot be read any further. */
  push(chunk: Buffer, onFrame: (frame: Frame) => boolean): void {
    const data = this.#heldBytes === 0 ? chunk : this.#hold(chunk)
    let offset = 0
    while (data.length - offset >= HEADER_BYTES) {
      const length = data.readUInt32BE(offset)
      const version = data[offset + 4]
      const type = frameTypes[data[offset + 5] ?? -1]
      // A foreign version may have another layout, so it is told first.
      if (version !== FRAME_VERSION)
        refuse(`frame version ${version}, this peer reads version ${FRAME_VERSION}`)
      if (type === undefined) refuse(`unknown frame type ${data[offset + 5]}`)
      if (length > this.maxPayloadBytes) {
        refuse(`frame of ${length} bytes, at most ${this.maxPayloadBytes} are read here`)
      }
      const end = offset + HEADER_BYTES + length
      if (data.length < end) break
      const payload = data.subarray(offset + HEADER_BYTES, end)
      const header = data.subarray(offset, offset + HEADER_BYTES)
      if (checksum(header, payload) !== header.readUInt32BE(CHECKED_HEADER_BYTES))
        refuse('frame checksum differs')
      offset = end
      if (!onFrame({ type, payload })) return
    }
    this.#keep(data, offset)
  }

  /** Appends to what is held, in a buffer that doubles. */
  #hold(chunk: Buffer): Buffer {
    const bytes = this.#heldBytes + chunk.length
    if (bytes > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, this.#held.length * 2))
      this.#held.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    chunk.copy(this.#held, this.#heldBytes)
    this.#heldBytes = bytes
    return this.#held.subarray(0, bytes)
  }

  #keep(data: Buffer, offset: number): void {
    const wasHeld = this.#heldBytes > 0
    if (offset === 0 && wasHeld) return
    // A copy: the chunk may be a small view of a large buffer, and handlers may still look at its frames.
    this.#held = Buffer.from(data.subarray(offset))
    this.#heldBytes = this.#held.length
  }
}
