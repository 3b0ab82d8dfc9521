/** The embedded Paxos backend over seams: what `paxos()` runs on real sockets and disks, and tests on others. */
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { SponsorLink } from '../../cluster/sponsor-link.ts'
import { shortestLeaseMs } from '../../lease/timing-rules.ts'
import type { Timing } from '../../lease/timing.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type {
  BackendDriver,
  BackendEnv,
  BackendFacts,
  Cancellable,
  ObserveEvents,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import { EngineAccess, type ClusterView, type EngineEdges, type StatusRequest } from '../engine-access.ts'
import { twoLeases } from '../embedded-refusals.ts'
import { settledOrAborted } from '../settled.ts'
import { AcceptorCore } from './core.ts'
import { Observing } from './observing.ts'
import { PaxosSession } from './session.ts'
import { paxosSpeech } from './speech.ts'

export type PaxosEdges = EngineEdges<PaxosRequest, PaxosReply, AcceptorRecord>

export interface PaxosDriverOptions {
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  readonly timing: Timing
  readonly tokenBase: bigint
}

export const paxosFacts = (timing: Timing): BackendFacts => ({
  guarantee: 'linearizable',
  exclusivity: ['time', 'token'],
  tokenSource: 'paxos ballot of the acquisition',
  order: 'rank',
  transfer: 'directed',
  proclaim: true,
  earlyLoss: [],
  limits: { minLeaseMs: shortestLeaseMs(timing), nameBytes: 253, metadataBytes: 4096, nestedNames: true },
})

export class PaxosDriver implements BackendDriver {
  readonly facts: BackendFacts
  readonly #options: PaxosDriverOptions
  readonly #env: BackendEnv
  readonly #access: EngineAccess<PaxosRequest, PaxosReply, AcceptorRecord>
  /** By candidate id, of the session that was opened last. */
  readonly #sessions = new Map<string, { readonly leaseMs: number }>()

  constructor(options: PaxosDriverOptions, edges: PaxosEdges, env: BackendEnv) {
    const { timing, tokenBase, peers, cluster } = options
    this.facts = paxosFacts(timing)
    this.#options = options
    this.#env = env
    this.#access = new EngineAccess(
      {
        engine: paxosSpeech.engine,
        record: paxosSpeech.record,
        createCore: (start) => new AcceptorCore(timing, tokenBase, start),
        peers,
        cluster,
      },
      edges,
      env,
    )
  }

  start(): Promise<void> {
    return this.#access.start()
  }

  close(): Promise<void> {
    return this.#access.close()
  }

  status(request: StatusRequest): Promise<ClusterView> {
    return this.#access.status(request)
  }

  async open(request: SessionRequest, { signal }: Cancellable): Promise<PaxosSession> {
    const { candidateId } = request
    const { peers, cluster, timing, tokenBase } = this.#options
    const leaseMs = request.leaseMs ?? timing.leaseMs
    const other = this.#sessions.get(candidateId)
    if (other !== undefined && other.leaseMs !== leaseMs) throw twoLeases(candidateId, leaseMs, other.leaseMs)
    const connect = this.#access.connect()
    const entry = { leaseMs }
    this.#sessions.set(candidateId, entry)
    const session = new PaxosSession({
      env: this.#env,
      cluster,
      acceptors: Object.keys(peers),
      timing,
      tokenBase,
      candidateId,
      leaseMs,
      connect,
      closed: () => {
        if (this.#sessions.get(candidateId) === entry) this.#sessions.delete(candidateId)
      },
    })
    try {
      await session.opened({ signal })
      return session
    } catch (error) {
      await session.close({ signal })
      throw error
    }
  }

  async openObserver(): Promise<{
    readonly scope: string
    observe(election: string, on: ObserveEvents): { close(): void }
    close(): Promise<void>
  }> {
    const { cluster, peers, timing, tokenBase } = this.#options
    const link: SponsorLink<AskMessage<PaxosRequest>> = this.#access.connect()({
      up: () => observing.up(),
      down: () => undefined,
      gone: () => undefined,
      message: (message) => {
        if (message.type === 'answer' && message.session === observing.key)
          observing.received(message.from, message.replies)
      },
    })
    const observing: Observing = new Observing(
      { env: this.#env, acceptors: Object.keys(peers), timing, tokenBase },
      (message) => link.send(message),
    )
    return {
      scope: cluster,
      observe: (election, on) => observing.observe(election, on),
      close: async () => {
        observing.close()
        link.close()
      },
    }
  }

  /** Takes all it has from a session whose holder is surely dead: its successors need not wait for its lease. */
  async releaseSession({ session }: SessionTicket, { signal }: Cancellable): Promise<'released' | 'gone'> {
    const majority = majoritySize(Object.keys(this.#options.peers).length)
    const answers = new Map<string, boolean>()
    let link: SponsorLink<AskMessage<PaxosRequest>> | null = null
    const released = new Promise<'released' | 'gone'>((resolve, reject) => {
      const message = (heard: AnswerMessage<PaxosReply>): void => {
        if (heard.type !== 'answer' || heard.session !== session) return
        for (const reply of heard.replies) if (reply.type === 'closed') answers.set(heard.from, reply.known)
        if (answers.size >= majority) resolve([...answers.values()].includes(true) ? 'released' : 'gone')
      }
      link = this.#access.connect()({
        up: () => link?.send({ type: 'ask', session, to: null, requests: [{ type: 'close' }] }),
        down: () => undefined,
        gone: reject,
        message,
      })
    })
    try {
      return await settledOrAborted(released, signal)
    } finally {
      ;(link as SponsorLink<AskMessage<PaxosRequest>> | null)?.close()
    }
  }
}
