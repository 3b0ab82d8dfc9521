/**
 * A process's way into a cluster of an engine without a log (Paxos, Bully): it owns the peer of this process, if it is
 * one, and connects sessions, readers and questions for the status to it or, for a client, to any peer.
 */
import { connectAsClient, type ClientOptions } from '../../cluster/client.ts'
import { stoppedError } from '../../cluster/stopped-error.ts'
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import { startEnginePeer, type EnginePeer } from '../../cluster/engine/engine-peer.ts'
import type { EnginePeerOptions } from '../../cluster/engine/engine-peer-options.ts'
import type { PeerStatus } from '../../cluster/messages.ts'
import type { ConnectSponsor, SponsorLink } from '../../cluster/sponsor-link.ts'
import { MandateError } from '../../errors.ts'
import type { ConnectClient } from '../../seams/transport.ts'
import { version } from '../../version.ts'
import type { BackendEnv, Cancellable } from '../backend.ts'
import { askPeers, stoppedByItself, type ClusterView, type StatusRequest } from '../cluster-view.ts'
import { unreachableMessage } from '../embedded-refusals.ts'
import { settledOrAborted } from '../settled.ts'

export type { ClusterView, StatusRequest } from '../cluster-view.ts'

/** How an engine reaches the world. */
export interface EngineEdges<Request, Reply, Record extends object> {
  /** Of the peer in this process; null for a client. */
  readonly peer: Pick<
    EnginePeerOptions<Request, Reply, Record>,
    'self' | 'storage' | 'transport' | 'tap'
  > | null
  readonly connectClient: ConnectClient<AskMessage<Request>, AnswerMessage<Reply>>
}

export interface EngineAccessOptions<Request, Reply, Record extends object> extends Pick<
  EnginePeerOptions<Request, Reply, Record>,
  'engine' | 'createCore' | 'record'
> {
  readonly peers: Readonly<globalThis.Record<string, string>>
  readonly cluster: string
}

export class EngineAccess<Request, Reply, Record extends object> {
  readonly #options: EngineAccessOptions<Request, Reply, Record>
  readonly #edges: EngineEdges<Request, Reply, Record>
  readonly #env: BackendEnv
  #peer: EnginePeer<Request, Reply, Record> | null = null

  constructor(
    options: EngineAccessOptions<Request, Reply, Record>,
    edges: EngineEdges<Request, Reply, Record>,
    env: BackendEnv,
  ) {
    this.#options = options
    this.#edges = edges
    this.#env = env
  }

  async start(): Promise<void> {
    const { peer } = this.#edges
    if (peer === null) return
    const { clock } = this.#env
    const report = this.#env.report.bind(this.#env)
    this.#peer = await startEnginePeer({ ...this.#options, ...peer, version, clock, report })
  }

  async close(): Promise<void> {
    const peer = this.#peer
    this.#peer = null
    await peer?.close()
  }

  /** @throws CLOSED when the peer of this process does not run */
  connect(): ConnectSponsor<AskMessage<Request>, AnswerMessage<Reply>> {
    const peer = this.#peer
    if (peer === null) {
      if (this.#edges.peer !== null)
        throw new MandateError('CLOSED', 'This peer is not running.', { what: 'peer' })
      return this.#connectTo(this.#options.peers)
    }
    if (peer.failure !== undefined) throw stoppedError(peer.failure)
    return (events) => {
      const line = peer.attach({
        received: (message) => events.message(message),
        gone: (error) => events.gone(error),
      })
      // Known at once, told later: nothing happens inside `connect`.
      queueMicrotask(() => events.up())
      return { host: line.host, beats: false, send: line.send, change: () => undefined, close: line.close }
    }
  }

  /** Asks every peer for its view. */
  status({ signal, election, timeoutMs = 1500 }: StatusRequest): Promise<ClusterView> {
    return askPeers(this.#options.peers, (peer, address) =>
      this.#ask(peer, address, { signal, election, timeoutMs }),
    )
  }

  /** The status, or why there is none. */
  async #ask(
    peer: string,
    address: string,
    { signal, election, timeoutMs }: Cancellable & { election?: string | undefined; timeoutMs: number },
  ): Promise<PeerStatus | string> {
    const isOwn = this.#peer !== null && peer === this.#edges.peer?.self
    const failure = isOwn ? this.#peer?.failure : undefined
    if (failure !== undefined) return stoppedByItself(failure)
    let settle!: (answer: PeerStatus | string) => void
    const answer = new Promise<PeerStatus | string>((resolve) => (settle = resolve))
    const connect = isOwn
      ? this.connect()
      : this.#connectTo({ [peer]: address }, ([tried]) => settle(tried?.reason ?? 'no answer'))
    const link: SponsorLink<AskMessage<Request>> = connect({
      up: () => link.send({ type: 'status', id: 1, election: election ?? null }),
      down: () => undefined,
      gone: (error) => settle(error.message),
      message: (message) => {
        if (message.type === 'status') settle(message.status)
      },
    })
    const timer = this.#env.clock.setTimer(timeoutMs, () => settle(`no answer within ${timeoutMs} ms`))
    try {
      return await settledOrAborted(answer, signal)
    } finally {
      timer.cancel()
      link.close()
    }
  }

  #connectTo(
    peers: Readonly<globalThis.Record<string, string>>,
    unreachable: NonNullable<ClientOptions<AskMessage<Request>, AnswerMessage<Reply>>['unreachable']> = (
      tried,
    ) =>
      this.#env.report({
        during: 'connecting to the cluster',
        error: new MandateError('BACKEND_UNAVAILABLE', unreachableMessage(tried), { tried }),
      }),
  ): ConnectSponsor<AskMessage<Request>, AnswerMessage<Reply>> {
    const { clock, random } = this.#env
    const { cluster } = this.#options
    const connect = this.#edges.connectClient
    return (events) => connectAsClient({ peers, cluster, connect, clock, random, unreachable }, events)
  }
}
