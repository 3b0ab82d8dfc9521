/** A cluster of one engine whose peers are processes of this machine, over loopback and its disk. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Contender } from '../../compare/contenders.ts'
import type { ComparedMode, Traffic } from '../../compare/row.ts'
import { noTraffic, sum, type ComparedCluster } from '../../compare/schedule.ts'
import { MandateError } from '../../errors.ts'
import type { Timing } from '../../lease/timing.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { overlapsMs, type Belief } from '../demo/overlap.ts'
import { freePorts } from '../demo/ports.ts'
import { monotonicMs, type FromReaper } from '../demo/protocol.ts'
import { ReaperLink, type Channel } from '../demo/reaper-link.ts'
import { lineReader } from '../guard-protocol.ts'
import { Waits } from './waits.ts'
import type { ComparedPeerConfig, FromComparedPeer, ToComparedPeer } from './protocol.ts'

export interface ProcessClusterOptions {
  readonly contender: Contender
  readonly exclusivity: ComparedMode
  readonly peers: number
  readonly timing: Timing
  readonly seed: number
  /** How often a peer may be started again. */
  readonly restarts: number
  /** Ends every wait. */
  readonly stop: AbortSignal
}

interface Process {
  readonly id: string
  readonly channel: Channel
  pid: number | undefined
  state: 'starting' | 'running' | 'frozen' | 'ending'
  /** While it says that it leads; a dead one says nothing. */
  leadsSince: number | undefined
  /** Its meter, as it last told. */
  traffic: Traffic
  counting: boolean
}

const peerScript = fileURLToPath(new URL('./peer.js', import.meta.url))
/** Generous: a wait that takes longer has failed. */
const PATIENCE_MS = 30_000

export class ProcessCluster implements ComparedCluster {
  readonly timing: Timing
  readonly elected: { readonly id: string; readonly atMs: number }[] = []
  readonly #options: ProcessClusterOptions
  readonly #random
  readonly #reaper: ReaperLink
  readonly #broken = new AbortController()
  readonly #processes = new Map<string, Process>()
  readonly #waits: Waits
  readonly #beliefs: Belief[] = []
  #traffic = noTraffic
  #folder = ''
  #peers: Readonly<Record<string, string>> = {}

  constructor(options: ProcessClusterOptions) {
    const { timing, seed, peers, restarts, stop } = options
    this.#options = options
    this.timing = timing
    this.#random = seededRandom(seed)
    this.#waits = new Waits(AbortSignal.any([stop, this.#broken.signal]))
    this.#reaper = new ReaperLink(
      { owner: 'compare', peerScript, channels: peers + restarts },
      (message) => this.#hear(message),
      (error) => this.#broken.abort(error),
    )
  }

  /** @throws ADDRESS_IN_USE when a port that was free was taken meanwhile, TIMEOUT, INTERNAL */
  async open(): Promise<void> {
    this.#folder = await this.#reaper.ready()
    const ports = await freePorts(this.#options.peers)
    this.#peers = Object.fromEntries(ports.map((port, at) => [`p${at + 1}`, `127.0.0.1:${port}`]))
    await this.start(...Object.keys(this.#peers))
  }

  get nowMs(): number {
    return monotonicMs()
  }

  draw(): number {
    return this.#random.next()
  }

  /** What a killed process sent after it was last asked is not in it. */
  async traffic(): Promise<Traffic> {
    const asked = [...this.#processes.values()].filter(({ state }) => state === 'running')
    for (const each of asked) {
      each.counting = true
      this.#tell(each, { type: 'count' })
    }
    const isGone = (each: Process): boolean => this.#processes.get(each.id) !== each
    await this.until(() => asked.every((each) => !each.counting || isGone(each)), 'what the peers counted')
    return [...this.#processes.values()].reduce((all, { traffic }) => sum(all, traffic), this.#traffic)
  }

  leader(): string | undefined {
    return [...this.#processes.values()].find(
      ({ state, leadsSince }) => state === 'running' && leadsSince !== undefined,
    )?.id
  }

  async start(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.until(() => !this.#processes.has(id), `the end of ${id}`)
      this.#spawn(id)
    }
    // The two pieces of news come over two pipes.
    const isUp = (id: string): boolean => {
      const process = this.#processes.get(id)
      return process?.state === 'running' && process.pid !== undefined
    }
    await this.until(() => ids.every(isUp), `the start of ${ids.join(', ')}`)
  }

  crash(id: string): void {
    this.#end(id, 'SIGKILL')
  }

  isolate(id: string): void {
    const process = this.#mustRun(id)
    process.state = 'frozen'
    this.#signal(process, 'SIGSTOP')
  }

  /** Until it has noticed that it leads no more. */
  async heal(id: string): Promise<void> {
    const process = this.#mustRun(id)
    this.#signal(process, 'SIGCONT')
    await this.until(() => process.leadsSince === undefined, `that ${id} notices its end`)
    process.state = 'running'
  }

  stop(id: string): void {
    this.#end(id, 'SIGTERM')
  }

  loss(probability: number): void {
    for (const process of this.#processes.values()) this.#tell(process, { type: 'lose', probability })
  }

  advance(ms: number): Promise<void> {
    return this.#waits.wait(
      () => false,
      ms,
      () => undefined,
    )
  }

  until(holds: () => boolean, what: string): Promise<void> {
    return this.#waits.wait(holds, PATIENCE_MS, () => {
      const { contender, exclusivity } = this.#options
      const message = `${contender.name}, ${exclusivity}: within ${PATIENCE_MS} ms this was expected: ${what}`
      return new MandateError('TIMEOUT', message, { afterMs: PATIENCE_MS })
    })
  }

  /** How long each time two processes said at once that they lead, in ms. */
  overlapsMs(): readonly number[] {
    for (const process of this.#processes.values()) this.#believed(process, monotonicMs())
    return overlapsMs(this.#beliefs)
  }

  /** Kills every process, and removes the folder. */
  close(): Promise<void> {
    for (const process of this.#processes.values()) process.state = 'ending'
    return this.#reaper.end()
  }

  #spawn(id: string): void {
    const channel = this.#reaper.nextChannel()
    const process: Process = {
      ...{ id, channel, pid: undefined, state: 'starting', leadsSince: undefined },
      ...{ traffic: noTraffic, counting: false },
    }
    channel.socket.setEncoding('utf8').on(
      'data',
      lineReader((line) => this.#take(process, JSON.parse(line) as FromComparedPeer)),
    )
    this.#processes.set(id, process)
    const { contender, exclusivity, timing } = this.#options
    const config: ComparedPeerConfig = {
      ...{ id, engine: contender.name, quorum: contender.quorum, exclusivity, timing },
      ...{ peers: this.#peers, dataDir: join(this.#folder, id) },
    }
    this.#reaper.send({ type: 'start', channel: channel.descriptor, config })
  }

  #take(process: Process, event: FromComparedPeer): void {
    switch (event.event) {
      case 'ready':
        if (process.state === 'starting') process.state = 'running'
        break
      case 'failed':
        this.#broken.abort(failed(process.id, event))
        break
      case 'leads':
        process.leadsSince = event.at
        this.elected.push({ id: process.id, atMs: event.at })
        break
      case 'lost':
        this.#believed(process, Math.min(event.at, event.until))
        break
      case 'counted':
        process.traffic = event.traffic
        process.counting = false
        break
      default:
        event satisfies never
    }
    this.#waits.look()
  }

  #hear(message: FromReaper): void {
    switch (message.type) {
      case 'ready':
        break
      case 'failed':
        this.#broken.abort(new MandateError('INTERNAL', message.message, { reason: message.what }))
        break
      case 'started': {
        const process = this.#processes.get(message.id)
        if (process !== undefined) process.pid = message.pid
        break
      }
      case 'exited':
        this.#exited(message)
        break
      default:
        message satisfies never
    }
    this.#waits.look()
  }

  #exited({ id, pid, code, signal, stderr }: FromReaper & { readonly type: 'exited' }): void {
    const process = this.#processes.get(id)
    if (process?.pid !== pid) return
    if (process.state !== 'ending') {
      const message = `peer ${id} ended by itself (${signal ?? `code ${code}`}): ${stderr.trim()}`
      this.#broken.abort(new MandateError('INTERNAL', message, { reason: 'compare' }))
    }
    const { socket } = process.channel
    const gone = (): void => {
      this.#processes.delete(id)
      this.#believed(process, monotonicMs())
      this.#traffic = sum(this.#traffic, process.traffic)
      this.#waits.look()
    }
    // What it said last comes over another pipe, perhaps later than the news of its end.
    if (socket.destroyed) gone()
    else socket.once('close', gone)
  }

  #end(id: string, signal: 'SIGKILL' | 'SIGTERM'): void {
    const process = this.#mustRun(id)
    process.state = 'ending'
    // Whoever is killed says nothing from here on; whoever is asked to end tells when it stopped believing.
    if (signal === 'SIGKILL') this.#believed(process, monotonicMs())
    this.#signal(process, signal)
  }

  #believed(process: Process, until: number): void {
    if (process.leadsSince === undefined) return
    this.#beliefs.push({ pid: process.pid ?? 0, from: process.leadsSince, until })
    process.leadsSince = undefined
  }

  #signal({ pid }: Process, signal: NodeJS.Signals): void {
    if (pid !== undefined) this.#reaper.send({ type: 'signal', pid, signal })
  }

  #tell({ channel }: Process, command: ToComparedPeer): void {
    channel.socket.write(`${JSON.stringify(command)}\n`)
  }

  #mustRun(id: string): Process {
    const process = this.#processes.get(id)
    if (process === undefined) throw new MandateError('INTERNAL', `${id} does not run`, { reason: 'compare' })
    return process
  }
}

function failed(
  id: string,
  { code, message }: FromComparedPeer & { readonly event: 'failed' },
): MandateError {
  const text = `peer ${id}: ${message}`
  if (code === 'ADDRESS_IN_USE') return new MandateError('ADDRESS_IN_USE', text, { address: id })
  return new MandateError('INTERNAL', text, { reason: code })
}
