/** One `serve` from its first answer to its last: the parts, and the order in which they begin and end. */
import type { Backend, Exclusivity, Metadata } from '../../backends/backend.ts'
import { pause, within } from '../../election/waiting.ts'
import { createElection } from '../../index.ts'
import type { Election } from '../../index.ts'
import { ElectionMetrics } from '../../observability/election-metrics.ts'
import { version } from '../../version.ts'
import { watchQuorum } from '../quorum-watch.ts'
import type { QuorumWatch } from '../quorum-watch.ts'
import type { RunLog } from '../run-log.ts'
import { printJson } from '../streams.ts'
import type { BearerCheck } from './bearer.ts'
import { ServedCandidate } from './candidate.ts'
import type { LeadershipEvent } from './candidate.ts'
import { ElectionView } from './election-view.ts'
import { EventStreams } from './event-streams.ts'
import type { Failures } from './failures.ts'
import { Health } from './health.ts'
import { startHttpServer } from './http-server.ts'
import type { RunningServer } from './http-server.ts'
import { isLocal, showListenAddress } from './listen-address.ts'
import type { ListenAddress } from './listen-address.ts'
import { MetricsPage } from './metrics-page.ts'
import { envelope, router } from './routes.ts'
import type { Compat } from './settings.ts'

export interface ServePlan {
  readonly election: string
  readonly id: string
  readonly priority: number
  readonly metadata: Metadata
  readonly exclusivity: Exclusivity
  readonly leaseMs: number
  readonly http: ListenAddress
  readonly bearer: BearerCheck | undefined
  readonly validForMs: number
  readonly livezToleranceMs: number
  readonly compat: Compat | undefined
  /** Tell on stdout, as JSON, where it answers. */
  readonly json: boolean
}

const streamLimits = { max: 64, keepAliveMs: 15_000 }
/** How much longer than the last permit a resignation may take before it is given up, in ms. */
const drainSlackMs = 1000
/** Releasing is a favour to the successor; an arbiter that is away must not keep this process. */
const releaseLimitMs = 5000
const closeLimitMs = 2000
/** Before looking again after the arbiter refused to be observed, in ms. */
const lookAgainMs = 5000

const nowMs = (): number => performance.now()

export class Service {
  readonly #plan: ServePlan
  readonly #log: RunLog
  readonly #backend: Backend
  readonly #candidate: ServedCandidate
  readonly #view: ElectionView
  readonly #streams = new EventStreams(streamLimits)
  readonly #health: Health
  readonly #page: MetricsPage
  readonly #counts: ElectionMetrics
  readonly #stop = new AbortController()
  /** Says why nobody can say who leads; it asks every peer, so only while nobody can. */
  readonly #quorum: QuorumWatch
  #isLookedInto = false
  #server: RunningServer | undefined

  /** `failures` hears those of the backend. */
  constructor(plan: ServePlan, backend: Backend, log: RunLog, failures: Failures) {
    const { election, id, exclusivity, metadata, validForMs, leaseMs } = plan
    this.#plan = plan
    this.#log = log
    this.#backend = backend
    this.#candidate = new ServedCandidate({
      id,
      validForMs,
      maxClockDrift: backend.timing.maxClockDrift,
      clock: backend.env.clock,
      changed: (event) => this.#changed(event),
    })
    this.#view = new ElectionView({ election, exclusivity, metadata, candidate: this.#candidate })
    this.#quorum = watchQuorum(backend, (text) => log.warn('no-quorum', text))
    this.#health = new Health({
      leaseMs,
      toleranceMs: plan.livezToleranceMs,
      candidate: this.#candidate,
      view: this.#view,
      failures,
      stopping: this.#stop.signal,
      nowMs,
    })
    this.#counts = new ElectionMetrics({ election, candidateId: id, leaseMs, nowMs })
    this.#page = new MetricsPage({
      view: this.#view,
      candidate: this.#candidate,
      election: this.#counts,
      failures: failures.counter,
      loopLagMs: () => this.#health.loopLagMs,
      connections: () => this.#server?.connections ?? 0,
      streams: () => this.#streams.count,
    })
  }

  /**
   * Resolves with the signal that stopped it, when everything is given back.
   * @throws ADDRESS_IN_USE, INVALID_OPTIONS, and what refuses the candidate
   */
  async run(stopped: Promise<NodeJS.Signals>): Promise<NodeJS.Signals> {
    const { election: name, id, priority, metadata, exclusivity, leaseMs, validForMs } = this.#plan
    const candidate = { id, priority, metadata }
    // Checks the name and the options, before anything is opened.
    const election = createElection({ name, backend: this.#backend, exclusivity, leaseMs, candidate })
    try {
      this.#server = await this.#listen()
      this.#announce(this.#server)
      this.#lookInto(true)
      const observing = this.#observe(election)
      const leading = election.lead(this.#candidate.work, {
        signal: this.#stop.signal,
        drainMs: validForMs + drainSlackMs,
      })
      const signal = await Promise.race([stopped, leading.then(() => stopped)])
      await this.#resign(leading)
      await observing
      return signal
    } finally {
      await this.#close(election)
    }
  }

  #listen(): Promise<RunningServer> {
    const { http, bearer, compat } = this.#plan
    const failed = (error: unknown): void =>
      this.#log.warn('http', error instanceof Error ? String(error.stack) : String(error))
    const answer = router({
      view: this.#view,
      streams: this.#streams,
      bearer,
      isLocal: isLocal(http),
      compat,
      live: () => this.#health.notLive(),
      ready: () => this.#health.notReady(),
      metrics: () => this.#page.text(),
      failed,
      counted: (at, status) => this.#page.countRequest(at, status),
    })
    return startHttpServer(http, { answer, failed })
  }

  #announce({ url, address }: RunningServer): void {
    const { election, id, json } = this.#plan
    this.#log.event({ event: 'campaigning', msg: `answering on ${url}, standing as ${id}` })
    if (json)
      printJson('serve', version, { at: Date.now(), election, id, url, address: showListenAddress(address) })
  }

  #changed(event: LeadershipEvent): void {
    const { token } = event
    if (event.is === 'elected') this.#log.event({ event: 'elected', token, msg: `leads with token ${token}` })
    else if (event.reason === 'resigned') this.#log.event({ event: 'resigned', token, msg: 'resigning' })
    else this.#log.lost(token, event.reason)
    this.#tell()
  }

  #tell(): void {
    this.#health.look()
    this.#lookInto(this.#view.observedState === 'unknown' && !this.#stop.signal.aborted)
    this.#streams.tell(envelope(this.#view.news()))
  }

  #lookInto(isUnknown: boolean): void {
    if (isUnknown === this.#isLookedInto) return
    this.#isLookedInto = isUnknown
    if (isUnknown) this.#quorum.start()
    else this.#quorum.stop()
  }

  /** For as long as it serves: that the arbiter cannot be observed is no reason to end a leadership. */
  async #observe(election: Election): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        for await (const state of election.observe({ signal })) {
          this.#view.observe(state)
          this.#tell()
        }
      } catch (cause) {
        this.#log.warn('observe', cause instanceof Error ? cause.message : String(cause))
        this.#view.observe({ type: 'unknown', since: Date.now(), cause })
        this.#tell()
        if (!signal.aborted) await pause(this.#backend.env.clock, lookAgainMs, signal)
      }
    }
  }

  /** Answers that it does not lead, tells the streams, waits for the last permit, releases. */
  async #resign(leading: Promise<unknown>): Promise<void> {
    this.#candidate.stopAnswering()
    this.#stop.abort()
    this.#tell()
    const limitMs = this.#plan.validForMs + drainSlackMs + releaseLimitMs
    await this.#within(
      limitMs,
      leading.catch(() => undefined),
    )
  }

  async #close(election: Election): Promise<void> {
    this.#candidate.stopAnswering()
    this.#stop.abort()
    this.#lookInto(false)
    await this.#within(closeLimitMs, election.close())
    await this.#within(closeLimitMs, this.#backend.close())
    this.#streams.close()
    await this.#server?.close()
    this.#health.stop()
    this.#counts.stop()
  }

  async #within(limitMs: number, promise: Promise<unknown>): Promise<void> {
    await within(promise, this.#backend.env.clock, limitMs)
  }
}
