/** The embedded bully backend over seams: what `bully()` runs on real sockets and disks, and tests on others. */
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { SponsorLink } from '../../cluster/sponsor-link.ts'
import { MandateError } from '../../errors.ts'
import { shortestLeaseMs } from '../../lease/timing-rules.ts'
import type { Timing } from '../../lease/timing.ts'
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
import { twoLeases } from '../embedded-refusals.ts'
import { EngineAccess, type ClusterView, type EngineEdges, type StatusRequest } from '../engine-access.ts'
import type { EngineDriverOptions } from '../engine-backend.ts'
import { settledOrAborted } from '../settled.ts'
import { BullyCore } from './core.ts'
import { Observing } from './observing.ts'
import { BullySession } from './session.ts'
import { bullySpeech } from './speech.ts'
import type { BullyReply, BullyRequest, BullyWrite } from './words.ts'

export type BullyEdges = EngineEdges<BullyRequest, BullyReply, BullyWrite>

export const bullyFacts = (timing: Timing): BackendFacts => ({
  guarantee: 'linearizable',
  exclusivity: ['time', 'token'],
  tokenSource: 'bully epoch',
  order: 'rank',
  transfer: 'directed',
  proclaim: true,
  earlyLoss: [],
  limits: { minLeaseMs: shortestLeaseMs(timing), nameBytes: 253, metadataBytes: 4096, nestedNames: true },
})

export class BullyDriver implements BackendDriver {
  readonly facts: BackendFacts
  readonly #options: EngineDriverOptions
  readonly #edges: BullyEdges
  readonly #env: BackendEnv
  readonly #access: EngineAccess<BullyRequest, BullyReply, BullyWrite>
  /** By candidate id, of the session that was opened last. */
  readonly #sessions = new Map<string, { readonly leaseMs: number }>()

  constructor(options: EngineDriverOptions, edges: BullyEdges, env: BackendEnv) {
    const { timing, tokenBase, peers, cluster } = options
    this.facts = bullyFacts(timing)
    this.#options = options
    this.#edges = edges
    this.#env = env
    this.#access = new EngineAccess(
      {
        engine: bullySpeech.engine,
        record: bullySpeech.record,
        createCore: (start) => new BullyCore(timing, tokenBase, start),
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

  /** @throws UNSUPPORTED for a process that is no peer: it observes, and does not stand */
  async open(request: SessionRequest, { signal }: Cancellable): Promise<BullySession> {
    const { candidateId } = request
    const { peers, cluster, timing, tokenBase } = this.#options
    const self = this.#edges.peer?.self
    if (self === undefined) throw onlyPeersStand(candidateId)
    const leaseMs = request.leaseMs ?? timing.leaseMs
    const other = this.#sessions.get(candidateId)
    if (other !== undefined && other.leaseMs !== leaseMs) throw twoLeases(candidateId, leaseMs, other.leaseMs)
    const connect = this.#access.connect()
    const entry = { leaseMs }
    this.#sessions.set(candidateId, entry)
    const session = new BullySession({
      env: this.#env,
      cluster,
      self,
      voters: Object.keys(peers),
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
    const link: SponsorLink<AskMessage<BullyRequest>> = this.#access.connect()({
      up: () => observing.up(),
      down: () => undefined,
      gone: () => undefined,
      message: (message) => {
        if (message.type === 'answer' && message.session === observing.key)
          observing.received(message.from, message.replies)
      },
    })
    const observing: Observing = new Observing(
      { env: this.#env, voters: Object.keys(peers), timing, tokenBase },
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
    const needed = majoritySize(Object.keys(this.#options.peers).length)
    const key = `release~${this.#env.random.id()}`
    const answers = new Map<string, boolean>()
    let link: SponsorLink<AskMessage<BullyRequest>> | null = null
    const released = new Promise<'released' | 'gone'>((resolve, reject) => {
      const message = (heard: AnswerMessage<BullyReply>): void => {
        if (heard.type !== 'answer' || heard.session !== key) return
        for (const reply of heard.replies) if (reply.type === 'closed') answers.set(heard.from, reply.known)
        if (answers.size >= needed) resolve([...answers.values()].includes(true) ? 'released' : 'gone')
      }
      link = this.#access.connect()({
        up: () =>
          link?.send({ type: 'ask', session: key, to: null, requests: [{ type: 'release', session }] }),
        down: () => undefined,
        gone: reject,
        message,
      })
    })
    try {
      return await settledOrAborted(released, signal)
    } finally {
      ;(link as SponsorLink<AskMessage<BullyRequest>> | null)?.close()
    }
  }
}

function onlyPeersStand(id: string): MandateError<'UNSUPPORTED'> {
  return new MandateError(
    'UNSUPPORTED',
    `Candidate ${JSON.stringify(id)} is no peer of the bully cluster, and only peers stand in its elections. ` +
      'Give `self` and `dataDir`, or use raft, where clients stand as well.',
    { feature: 'candidates that are no peers' },
  )
}
