import { protocolError } from './jute.ts'

/** ZooKeeper's own limit for one message, its `jute.maxbuffer`. */
export const frameBytesMax = 1024 * 1024

const LENGTH_BYTES = 4
/** The shortest message of a server is a reply header: xid, zxid, error. */
const SHORTEST = 16
/** What is longer is no answer of a ZooKeeper, and nobody waits for its end. */
const SKIPPED_MAX = 256 * 1024 * 1024

export interface Frame {
  readonly bytes: Buffer
  /** It was longer than is read: the bytes are its header alone. */
  readonly cut?: { readonly length: number; readonly max: number }
}

/**
 * Cuts one connection's bytes into frames. One reader a connection: what a connection that broke in mid-frame left
 * behind must never be read as the beginning of the next one's (the crash of node-zookeeper-client#39).
 */
export class FrameReader {
  readonly #maxBytes: number
  #pieces: Buffer[] = []
  #held = 0
  /** Of a frame that is too long, still to come. */
  #skip = 0

  constructor(maxBytes: number = frameBytesMax) {
    this.#maxBytes = maxBytes
  }

  /** The frames that are whole now, or whose header is where no more is read. @throws PROTOCOL_ERROR: the stream cannot be read any further. */
  push(chunk: Buffer): readonly Frame[] {
    const skipped = Math.min(this.#skip, chunk.length)
    this.#skip -= skipped
    this.#hold(chunk.subarray(skipped))
    const frames: Frame[] = []
    for (let length = this.#declared(); length !== undefined; length = this.#declared()) {
      const isCut = length > this.#maxBytes
      const bodyEnd = LENGTH_BYTES + (isCut ? SHORTEST : length)
      if (this.#held < bodyEnd) break
      const bytes = this.#joined()
      const body = bytes.subarray(LENGTH_BYTES, bodyEnd)
      frames.push(isCut ? { bytes: body, cut: { length, max: this.#maxBytes } } : { bytes: body })
      const end = LENGTH_BYTES + length
      this.#skip = Math.max(0, end - bytes.length)
      this.#pieces = []
      this.#held = 0
      this.#hold(bytes.subarray(end))
    }
    return frames
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#held += bytes.length
  }

  #declared(): number | undefined {
    if (this.#held < LENGTH_BYTES) return undefined
    const [first] = this.#pieces
    const length = (first !== undefined && first.length >= LENGTH_BYTES ? first : this.#joined()).readInt32BE(
      0,
    )
    if (length < SHORTEST || length > SKIPPED_MAX) throw protocolError(`a frame of ${length} bytes`)
    return length
  }

  #joined(): Buffer {
    const [first] = this.#pieces
    if (first !== undefined && this.#pieces.length === 1) return first
    const whole = Buffer.concat(this.#pieces)
    this.#pieces = [whole]
    return whole
  }
}
