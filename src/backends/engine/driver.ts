/** An embedded backend without a log over seams: what `paxos()` and `bully()` run on real sockets and disks, and tests on others. */
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { SponsorLink } from '../../cluster/sponsor-link.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type { Timer } from '../../seams/clock.ts'
import type {
  BackendDriver,
  BackendEnv,
  BackendFacts,
  Cancellable,
  Guarantee,
  Observer,
  OperatorRequest,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import { askOverLink } from '../ask-over-link.ts'
import { CandidateSessions } from '../candidate-sessions.ts'
import { settledOrAborted } from '../settled.ts'
import { EngineAccess, type ClusterView, type EngineEdges, type StatusRequest } from './access.ts'
import type { Engine, EngineOptions, ObservingOptions } from './engine.ts'
import { FirstContact } from './first-contact.ts'
import { EngineSession } from './session.ts'

export class EngineDriver<
  Request,
  Reply,
  Written extends object,
  Its extends Guarantee = 'linearizable',
> implements BackendDriver<Its> {
  readonly facts: BackendFacts<Its>
  readonly #engine: Engine<Request, Reply, Written, Its>
  readonly #options: EngineOptions
  readonly #edges: EngineEdges<Request, Reply, Written>
  readonly #env: BackendEnv
  readonly #access: EngineAccess<Request, Reply, Written>
  readonly #sessions = new CandidateSessions()

  constructor(
    engine: Engine<Request, Reply, Written, Its>,
    options: EngineOptions,
    { edges, env }: { readonly edges: EngineEdges<Request, Reply, Written>; readonly env: BackendEnv },
  ) {
    this.facts = engine.facts(options.timing)
    this.#engine = engine
    this.#options = options
    this.#edges = edges
    this.#env = env
    const { peers, cluster } = options
    const createCore = engine.createCore.bind(engine, options)
    this.#access = new EngineAccess({ ...engine.speech, createCore, peers, cluster }, edges, env)
  }

  start(): Promise<void> {
    return this.#access.start()
  }

  close(): Promise<void> {
    return this.#access.close()
  }

  ask(request: OperatorRequest, { signal }: Cancellable): Promise<'told' | 'no-such-candidate'> {
    const { clock } = this.#env
    const everyMs = this.#options.timing.electionTimeoutMs[0]
    return askOverLink(this.#access.connect(), request, { clock, everyMs, signal })
  }

  status(request: StatusRequest): Promise<ClusterView> {
    return this.#access.status(request)
  }

  open(request: SessionRequest, { signal }: Cancellable): Promise<EngineSession<Request, Reply>> {
    const { candidateId, leaseMs = this.#options.timing.leaseMs } = request
    const { cluster } = this.#options
    const own = { ...this.#common(), cluster, self: this.#edges.peer?.self, candidateId, leaseMs }
    return this.#sessions.open(
      { candidateId, leaseMs },
      (closed) => new EngineSession(this.#engine, { ...own, connect: this.#access.connect(), closed }),
      { signal },
    )
  }

  async openObserver(): Promise<Observer & { close(): Promise<void> }> {
    const link: SponsorLink<AskMessage<Request>> = this.#access.connect()({
      up: () => observing.up(),
      down: (reason) => observing.down(reason),
      gone: () => undefined,
      message: (message) => {
        if (message.type === 'answer' && message.session === observing.key)
          observing.received(message.from, message.replies)
      },
    })
    const observing: FirstContact<Reply> = new FirstContact(
      this.#engine.createObserving(this.#common(), (message) => link.send(message)),
    )
    return {
      scope: this.#options.cluster,
      observe: (election, on) => observing.observe(election, on),
      close: async () => {
        observing.close()
        link.close()
      },
    }
  }

  /** Takes all it has from a session whose holder is surely dead: its successors need not wait for its lease. */
  async releaseSession({ session }: SessionTicket, { signal }: Cancellable): Promise<'released' | 'gone'> {
    const { asker, request } = this.#engine.release(session, this.#env.random)
    const { length } = Object.keys(this.#options.peers)
    const needed = this.#engine.releasedBy?.(length) ?? majoritySize(length)
    const knew = new Map<string, boolean>()
    let link: SponsorLink<AskMessage<Request>> | null = null
    let timer: Timer | null = null
    const ask = (): void => {
      timer?.cancel()
      // A message between peers is lost with its connection, and nobody tells.
      timer = this.#env.clock.setTimer(this.#options.timing.heartbeatMs, ask)
      link?.send({ type: 'ask', session: asker, to: null, requests: [request] })
    }
    const released = new Promise<'released' | 'gone'>((resolve, reject) => {
      const message = (heard: AnswerMessage<Reply>): void => {
        if (heard.type !== 'answer' || heard.session !== asker) return
        for (const reply of heard.replies) {
          const known = this.#engine.wasKnown(reply)
          // Asked twice, it no longer knows what it knew at first.
          if (known !== null) knew.set(heard.from, known || knew.get(heard.from) === true)
        }
        if (knew.size >= needed) resolve([...knew.values()].includes(true) ? 'released' : 'gone')
      }
      link = this.#access.connect()({
        up: () => ask(),
        down: () => undefined,
        gone: reject,
        message,
      })
    })
    try {
      return await settledOrAborted(released, signal)
    } finally {
      ;(timer as Timer | null)?.cancel()
      ;(link as SponsorLink<AskMessage<Request>> | null)?.close()
    }
  }

  #common(): ObservingOptions {
    const { peers, timing, tokenBase } = this.#options
    return { env: this.#env, voters: Object.keys(peers), timing, tokenBase }
  }
}
