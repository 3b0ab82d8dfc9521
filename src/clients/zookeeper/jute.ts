/**
 * Jute, ZooKeeper's serialisation: big-endian numbers, a length before every buffer, text and list. Longs are bigint:
 * session ids and zxids exceed 2^53 in practice.
 */
import { MandateError } from '../../errors.ts'

export class JuteWriter {
  #bytes: Buffer = Buffer.allocUnsafe(256)
  #length = 0

  int(value: number): this {
    const at = this.#grow(4)
    this.#bytes.writeInt32BE(value, at)
    return this
  }

  long(value: bigint): this {
    const at = this.#grow(8)
    this.#bytes.writeBigInt64BE(value, at)
    return this
  }

  bool(value: boolean): this {
    const at = this.#grow(1)
    this.#bytes[at] = value ? 1 : 0
    return this
  }

  buffer(value: Uint8Array): this {
    this.int(value.length)
    const at = this.#grow(value.length)
    this.#bytes.set(value, at)
    return this
  }

  text(value: string): this {
    return this.buffer(Buffer.from(value, 'utf8'))
  }

  list<T>(values: readonly T[], write: (writer: JuteWriter, value: T) => void): this {
    this.int(values.length)
    for (const value of values) write(this, value)
    return this
  }

  /** The whole as one frame: the length first. */
  frame(): Buffer {
    const frame = Buffer.allocUnsafe(4 + this.#length)
    frame.writeInt32BE(this.#length, 0)
    this.#bytes.copy(frame, 4, 0, this.#length)
    return frame
  }

  #grow(by: number): number {
    const at = this.#length
    this.#length += by
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}

/** Reads what a server sent; whatever does not fit its declared length is a PROTOCOL_ERROR, never a crash. */
export class JuteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4, 'a number'))
  }

  long(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8, 'a long'))
  }

  bool(): boolean {
    const value = this.#bytes[this.#take(1, 'a flag')]
    if (value !== 0 && value !== 1) throw protocolError(`a flag is ${value}, not 0 or 1`)
    return value === 1
  }

  /** Null, which the server writes as length -1, reads as empty. */
  buffer(): Buffer {
    const length = this.int()
    if (length === -1) return Buffer.alloc(0)
    if (length < 0) throw protocolError(`a buffer has the length ${length}`)
    const from = this.#take(length, `a buffer of ${length} bytes`)
    // A copy: what is kept must not keep the whole frame.
    return Buffer.from(this.#bytes.subarray(from, from + length))
  }

  text(): string {
    return this.buffer().toString('utf8')
  }

  list<T>(read: (reader: JuteReader) => T): T[] {
    const count = this.int()
    if (count === -1) return []
    // An entry takes at least a byte: a count that cannot be true is refused before anything is allocated.
    if (count < 0 || count > this.left)
      throw protocolError(`a list of ${count} entries in ${this.left} bytes`)
    return Array.from({ length: count }, () => read(this))
  }

  #take(bytes: number, what: string): number {
    if (bytes > this.left) throw protocolError(`a message ends inside ${what}: ${this.left} bytes are left`)
    const at = this.#at
    this.#at += bytes
    return at
  }
}

export function protocolError(reason: string): MandateError<'PROTOCOL_ERROR'> {
  return new MandateError('PROTOCOL_ERROR', `the server does not speak ZooKeeper's protocol: ${reason}`, {
    reason,
  })
}
