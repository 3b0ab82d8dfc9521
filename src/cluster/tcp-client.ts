/** One connection of a process that is no peer, or of a reader, to one peer. */
import { MandateError } from '../errors.ts'
import type { ConnectClient } from '../seams/transport.ts'
import { systemClock } from '../system/clock.ts'
import { cachedNames } from './tcp-address.ts'
import { dial, type DialFailure } from './tcp-dial.ts'
import { encodeFrame, maxSponsorBytes, maxClientBytes } from './tcp-frame.ts'
import { clientHelloFrame, unexpected } from './tcp-handshake.ts'
import { raftWire, type Wire } from './wire.ts'

const MAX_QUEUED_BYTES = 4 * 1024 * 1024

export const connectClient = connectClientOf(raftWire)

/** The same for any engine. */
export function connectClientOf<FromHolder, ToHolder>(
  wire: Pick<Wire<unknown, FromHolder, ToHolder>, 'engine' | 'fromHolders' | 'toHolders'>,
): ConnectClient<FromHolder, ToHolder> {
  return (request) =>
    new Promise((resolve, reject) => {
      const { address, cluster, events, signal } = request
      if (signal?.aborted === true) return reject(cancelled(signal))
      const cancel = (): void => {
        attempt.cancel()
        reject(cancelled(signal))
      }
      const hello = clientHelloFrame(cluster ?? null, wire.engine)
      const connecting = {
        address,
        hello,
        names: cachedNames(),
        clock: systemClock(),
        maxQueuedBytes: MAX_QUEUED_BYTES,
      }
      const attempt = dial(connecting, {
        failed: (failure) => {
          signal?.removeEventListener('abort', cancel)
          reject(failureOf(address, failure))
        },
        welcomed: (connection, welcome) => {
          signal?.removeEventListener('abort', cancel)
          connection.handOver(
            {
              closed: (reason) => events.closed(reason),
              frame: (frame) => {
                if (frame.type !== 'message') throw unexpected(frame, 'a message')
                events.message(wire.toHolders.decode(frame.payload))
              },
            },
            maxSponsorBytes,
          )
          resolve({
            peer: welcome.peer,
            cluster: welcome.cluster,
            send: (message) =>
              connection.send(encodeFrame('message', sendable(wire.fromHolders.encode(message)))),
            close: () => connection.end(),
          })
        },
      })
      signal?.addEventListener('abort', cancel, { once: true })
    })
}

function sendable(payload: Uint8Array): Uint8Array {
  if (payload.length <= maxClientBytes) return payload
  throw new MandateError(
    'LIMIT_EXCEEDED',
    `a request of ${payload.length} bytes is too large, at most ${maxClientBytes} can be sent; send fewer at once`,
    { limit: 'frame bytes', value: payload.length, max: maxClientBytes },
  )
}

function cancelled(signal: AbortSignal | undefined): MandateError<'CANCELLED'> {
  return new MandateError('CANCELLED', 'connecting was cancelled', { reason: signal?.reason })
}

function failureOf(address: string, { kind, reason, error }: DialFailure): MandateError {
  // The details came over the wire: they fit the code if the other side is honest, and are only read by people.
  if (error !== undefined) return new MandateError(error.code, reason, error.details ?? { reason })
  if (kind === 'rejected') return new MandateError('PROTOCOL_ERROR', reason, { reason })
  return new MandateError('BACKEND_UNAVAILABLE', reason, { tried: [{ target: address, reason }] })
}
