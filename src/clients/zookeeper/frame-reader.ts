import { protocolError } from './jute.ts'

/** ZooKeeper's own limit for one message, its `jute.maxbuffer`. */
export const frameBytesMax = 1024 * 1024

const LENGTH_BYTES = 4
/** The shortest message of a server is a reply header: xid, zxid, error. */
const SHORTEST = 16

/**
 * Cuts one connection's bytes into frames. One reader a connection: what a connection that broke in mid-frame left
 * behind must never be read as the beginning of the next one's (the crash of node-zookeeper-client#39).
 */
export class FrameReader {
  readonly #maxBytes: number
  #pieces: Buffer[] = []
  #held = 0

  constructor(maxBytes: number = frameBytesMax) {
    this.#maxBytes = maxBytes
  }

  /** The frames that are whole now. @throws PROTOCOL_ERROR: the stream cannot be read any further. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#pieces.push(chunk)
    this.#held += chunk.length
    const frames: Buffer[] = []
    let length = this.#declared()
    while (length !== undefined && this.#held >= LENGTH_BYTES + length) {
      const bytes = this.#joined()
      const end = LENGTH_BYTES + length
      frames.push(bytes.subarray(LENGTH_BYTES, end))
      this.#pieces = [bytes.subarray(end)]
      this.#held = bytes.length - end
      length = this.#declared()
    }
    return frames
  }

  /** Checked as soon as it is there, so that nothing is held for a frame that is refused. */
  #declared(): number | undefined {
    if (this.#held < LENGTH_BYTES) return undefined
    const [first] = this.#pieces
    const length = (first !== undefined && first.length >= LENGTH_BYTES ? first : this.#joined()).readInt32BE(
      0,
    )
    if (length < SHORTEST) throw protocolError(`a frame of ${length} bytes`)
    if (length > this.#maxBytes) {
      throw protocolError(`a frame of ${length} bytes, at most ${this.#maxBytes} are read`)
    }
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
