import { expect, it } from 'vitest'
import type { Codec } from '../cluster/codec.ts'
import type { Storage } from '../seams/storage.ts'
import type { Transport } from '../seams/transport.ts'
import { Meter } from './meter.ts'

const text: Codec<string> = {
  encode: (message) => Buffer.from(message),
  decode: (payload) => Buffer.from(payload).toString(),
}

/** A class, as the real one is: its methods are no properties of its own. */
class Wire implements Transport<string, never, never> {
  readonly sent: string[] = []
  closed = false
  start(): Promise<void> {
    return Promise.resolve()
  }
  send(_to: string, message: string): void {
    this.sent.push(message)
  }
  sendToClient(): void {}
  problem(peer: string): string {
    return `${peer} is away`
  }
  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }
}

it('what is sent is counted with the header of its frame, and passed on', async () => {
  const meter = new Meter()
  const wire = new Wire()
  const metered = meter.transport(wire, text)
  metered.send('b', 'four', 'urgent')
  metered.send('c', 'a', 'bulk')
  await metered.close()
  expect(wire).toMatchObject({ sent: ['four', 'a'], closed: true })
  expect(metered.problem('b')).toBe('b is away')
  expect(meter.read()).toEqual({ messages: 2, bytes: 2 * 10 + 5, diskWrites: 0 })
})

it('what is lost is counted as sent, and is not', () => {
  const meter = new Meter()
  const wire = new Wire()
  const fates = [true, false, true]
  const metered = meter.transport(wire, text, () => fates.shift() ?? false)
  for (const message of ['x', 'y', 'z']) metered.send('b', message, 'urgent')
  expect(wire.sent).toEqual(['y'])
  expect(meter.read().messages).toBe(3)
})

it('a write is a confirmation of the disk, however many records it holds', () => {
  const meter = new Meter()
  const written: string[][] = []
  const disk: Storage<string> = {
    open: () => Promise.reject(new Error('not opened here')),
    append: (batch, done) => {
      written.push([...batch])
      done()
    },
    bytes: () => 7,
    close: () => Promise.resolve(),
  }
  const metered = meter.storage(disk)
  let confirmed = 0
  metered.append(['x', 'y'], () => confirmed++)
  metered.append(['z'], () => confirmed++)
  expect({ written, confirmed }).toEqual({ written: [['x', 'y'], ['z']], confirmed: 2 })
  expect(meter.read().diskWrites).toBe(2)
  expect(metered.bytes()).toBe(7)
})
