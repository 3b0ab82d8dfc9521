/** One attempt to reach somebody: resolve, connect, say hello, read the answer. Ends in exactly one outcome. */
import { connect, type Socket } from 'node:net'
import type { Clock } from '../seams/clock.ts'
import type { ErrorReply } from './messages.ts'
import { parseAddress, type Names } from './tcp-address.ts'
import { Connection, reasonOf } from './tcp-connection.ts'
import { readAnswer, type Welcome } from './tcp-handshake.ts'
import { maxHandshakeBytes } from './tcp-frame.ts'

const CONNECT_MS = 1000
const HANDSHAKE_MS = 2000

export interface DialRequest {
  readonly address: string
  readonly hello: Buffer
  readonly names: Names
  readonly clock: Pick<Clock, 'setTimer'>
  readonly maxQueuedBytes: number
}

export interface DialFailure {
  readonly reason: string
  /** `refused`: the host answered that nobody listens. `broken`: somebody accepted and hung up without an answer. */
  readonly kind: 'refused' | 'broken' | 'rejected' | 'unreachable'
  /** The other side's answer, if `rejected`. */
  readonly error?: ErrorReply
}

export interface DialOutcome {
  /** The caller takes the connection with `handOver`, in this very call. */
  welcomed(connection: Connection, welcome: Welcome): void
  failed(failure: DialFailure): void
}

export interface Dial {
  /** No outcome afterwards. */
  cancel(): void
}

export function dial(request: DialRequest, outcome: DialOutcome): Dial {
  const { address, clock, names } = request
  const { host, port } = parseAddress(address)
  let cleanUp: () => void = () => undefined
  let settled = false

  function fail(reason: string, kind: DialFailure['kind'], error?: ErrorReply): void {
    if (settled) return
    settled = true
    cleanUp()
    outcome.failed({ reason, kind, ...(error !== undefined && { error }) })
  }

  function connectTo(ip: string): void {
    const socket = connect({ host: ip, port, noDelay: true })
    const timer = clock.setTimer(CONNECT_MS, () =>
      fail(`no answer from ${address} in ${CONNECT_MS} ms`, 'unreachable'),
    )
    cleanUp = () => {
      timer.cancel()
      socket.destroy()
    }
    const failed = (error: NodeJS.ErrnoException): void => {
      // The name may have moved to another machine; the next attempt will know.
      names.refresh(host)
      fail(`${reasonOf(error)} at ${address}`, kindOf(error))
    }
    socket.on('error', failed)
    socket.once('connect', () => {
      timer.cancel()
      socket.off('error', failed)
      greet(socket)
    })
  }

  function greet(socket: Socket): void {
    const limits = { maxPayloadBytes: maxHandshakeBytes, maxQueuedBytes: request.maxQueuedBytes }
    const timer = clock.setTimer(HANDSHAKE_MS, () =>
      fail(`${address} accepts connections but gives no answer in ${HANDSHAKE_MS} ms`, 'unreachable'),
    )
    const connection: Connection = new Connection(socket, clock, limits, {
      closed: (reason, garbage) => fail(`${reason} at ${address}`, garbage ? 'unreachable' : 'broken'),
      frame: (frame) => {
        const answer = readAnswer(frame)
        if (answer.is === 'reject') return fail(answer.error.message, 'rejected', answer.error)
        settled = true
        timer.cancel()
        outcome.welcomed(connection, answer.welcome)
      },
    })
    cleanUp = () => {
      timer.cancel()
      connection.destroy()
    }
    connection.send(request.hello)
  }

  const ip = names.ip(host)
  if (ip === undefined) {
    names.refresh(host, (problem) => {
      const resolved = names.ip(host)
      if (resolved === undefined) fail(problem ?? `cannot resolve ${host}`, 'unreachable')
      else if (!settled) connectTo(resolved)
    })
  } else {
    connectTo(ip)
  }

  return {
    cancel(): void {
      if (settled) return
      settled = true
      cleanUp()
    },
  }
}

function kindOf({ code }: NodeJS.ErrnoException): DialFailure['kind'] {
  if (code === 'ECONNREFUSED') return 'refused'
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'broken' : 'unreachable'
}
