/** Counts what goes through the seams of a peer, and loses some of it when it is told to. */
import type { Storage } from '../seams/storage.ts'
import type { Transport } from '../seams/transport.ts'
import type { Codec } from '../cluster/codec.ts'
import type { Traffic } from './row.ts'

/** A frame's header (`cluster/tcp-frame.ts`). TCP's and IP's own are not counted: how many frames share a packet varies. */
const FRAME_BYTES = 10

export class Meter {
  #messages = 0
  #bytes = 0
  #diskWrites = 0

  read(): Traffic {
    return { messages: this.#messages, bytes: this.#bytes, diskWrites: this.#diskWrites }
  }

  /** What `loses` says is counted as sent, and is not. */
  transport<ToPeer, FromHolder, ToHolder>(
    inner: Transport<ToPeer, FromHolder, ToHolder>,
    codec: Codec<ToPeer>,
    loses: () => boolean = () => false,
  ): Transport<ToPeer, FromHolder, ToHolder> {
    return {
      start: (events) => inner.start(events),
      send: (to, message, lane) => {
        this.#messages += 1
        this.#bytes += FRAME_BYTES + codec.encode(message).length
        if (!loses()) inner.send(to, message, lane)
      },
      sendToClient: (client, message) => inner.sendToClient(client, message),
      problem: (peer) => inner.problem(peer),
      close: () => inner.close(),
    }
  }

  storage<Record>(inner: Storage<Record>): Storage<Record> {
    return {
      open: () => inner.open(),
      append: (batch, done) => {
        this.#diskWrites += 1
        inner.append(batch, done)
      },
      bytes: () => inner.bytes(),
      close: () => inner.close(),
    }
  }
}

export function difference(later: Traffic, earlier: Traffic): Traffic {
  return {
    messages: later.messages - earlier.messages,
    bytes: later.bytes - earlier.bytes,
    diskWrites: later.diskWrites - earlier.diskWrites,
  }
}

/** Per unit; two decimals, as more would only show the binary. */
export function share({ messages, bytes, diskWrites }: Traffic, units: number): Traffic {
  const part = (value: number): number => (units === 0 ? 0 : Math.round((100 * value) / units) / 100)
  return { messages: part(messages), bytes: part(bytes), diskWrites: part(diskWrites) }
}
