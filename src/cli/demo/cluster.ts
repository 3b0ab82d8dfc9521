/** The demo's cluster: starts peers through the reaper, talks to them, and waits for what they do, each time with a bound. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMandateError, MandateError } from '../../errors.ts'
import type { Timing } from '../../lease/timing.ts'
import { lineReader } from '../guard-protocol.ts'
import { freePorts } from './ports.ts'
import type { FromPeer, FromReaper, ToPeer } from './protocol.ts'
import type { Channel } from './reaper-link.ts'
import { ReaperLink } from './reaper-link.ts'
import type { EventLog, HappeningName, Recorded } from './event-log.ts'
import { Links } from './links.ts'

export interface ClusterOptions {
  readonly ids: readonly string[]
  readonly timing: Timing
  /** How often a peer may be started again. */
  readonly restarts: number
  readonly log: EventLog
  /** For tests. @default freePorts */
  readonly pickPorts?: (count: number) => Promise<readonly number[]>
  /** Ends every wait. */
  readonly stop: AbortSignal
  /** Links can be cut, a death is news instead of a failure, and leaders tell what is left of their lease. @default false */
  readonly live?: boolean
}

const peerScript = fileURLToPath(new URL('./peer.js', import.meta.url))
const remainingEveryMs = 50
/** Generous: a wait that takes longer has failed. */
const limitMs = 10_000
const portTriesMax = 5
/** The peers know each other by their links, each by its own: the addresses cannot name the cluster. */
export const liveCluster = 'mandate-demo'

export class DemoCluster {
  readonly peers: Readonly<Record<string, string>>
  readonly #options: ClusterOptions
  readonly #reaper: ReaperLink
  readonly #live = new Map<string, { readonly pid: number; readonly channel: Channel }>()
  readonly #starting = new Map<string, Channel>()
  readonly #expectedToDie = new Set<number>()
  readonly #pids = new Set<number>()
  readonly #broken = new AbortController()
  readonly #links: Links | undefined
  readonly #cut = new Set<string>()
  #deathIsNews = false
  /** Aborts when the demo is told to stop, and when something of the cluster failed. */
  readonly ended: AbortSignal
  folder = ''

  /** Ports may be taken between being found free and being listened on: then others are tried. */
  static async start(options: ClusterOptions): Promise<DemoCluster> {
    const { pickPorts = freePorts, ids, live = false } = options
    for (let tries = 1; ; tries++) {
      const ports = await pickPorts(live ? Links.portsFor(ids.length) : ids.length)
      const cluster = new DemoCluster(options, ports)
      try {
        await cluster.#startAll()
        return cluster
      } catch (error) {
        await cluster.end()
        if (!isMandateError(error, 'ADDRESS_IN_USE') || tries >= portTriesMax) throw error
      }
    }
  }

  private constructor(options: ClusterOptions, ports: readonly number[]) {
    this.#options = options
    this.ended = AbortSignal.any([options.stop, this.#broken.signal])
    this.peers = Object.fromEntries(options.ids.map((id, index) => [id, `127.0.0.1:${ports[index]}`]))
    this.#links = options.live === true ? new Links(options.ids, ports) : undefined
    this.#reaper = new ReaperLink(
      { owner: 'demo', peerScript, channels: options.ids.length + options.restarts },
      (message) => this.#hear(message),
      (error) => this.#broken.abort(error),
    )
  }

  /** Everything that was ever started, the reaper included. */
  get pids(): readonly number[] {
    return [...this.#pids, ...(this.#reaper.pid === undefined ? [] : [this.#reaper.pid])]
  }

  async startPeer(id: string): Promise<Recorded<'ready'>> {
    const channel = this.#reaper.nextChannel()
    channel.socket.setEncoding('utf8').on(
      'data',
      lineReader((line) => this.#take(id, channel, line)),
    )
    this.#starting.set(id, channel)
    const { peers } = this
    const config = {
      ...{ id, peers, dataDir: join(this.folder, id), timing: this.#options.timing },
      ...(this.#links && {
        peers: { ...peers, ...this.#links.addressesFor(id) },
        cluster: liveCluster,
        remainingEveryMs,
      }),
    }
    const ready = this.wait('ready', (event) => event.id === id, `peer ${id} listens on ${peers[id]}`)
    this.#reaper.send({ type: 'start', channel: channel.descriptor, config })
    await Promise.all([ready, ready.then(() => this.#links?.openTo(id))])
    return ready
  }

  /** How many peers may still be started. */
  get startsLeft(): number {
    return this.#reaper.channelsLeft
  }

  isRunning(id: string): boolean {
    return this.#live.has(id)
  }

  /** Live only: nothing passes from this peer to the others, nor back. */
  cut(id: string): void {
    this.#links?.cut(this.#cut.add(id))
  }

  heal(id: string): void {
    this.#cut.delete(id)
    this.#links?.cut(this.#cut)
  }

  tell(id: string, command: ToPeer): Recorded {
    const live = this.#mustLive(id)
    const told = this.#options.log.add(live.pid, id, { event: 'told', command: command.type })
    live.channel.socket.write(`${JSON.stringify(command)}\n`)
    return told
  }

  signal(id: string, signal: NodeJS.Signals, token: string | null): Recorded {
    const { pid } = this.#mustLive(id)
    if (signal === 'SIGKILL') this.#expectedToDie.add(pid)
    const sent = this.#options.log.add(pid, id, { event: 'signal', signal, token })
    this.#reaper.send({ type: 'signal', pid, signal })
    return sent
  }

  /**
   * The first such thing that happens from now on.
   * @throws TIMEOUT, BACKEND_UNAVAILABLE when a peer ended by itself; the reason of `stop`
   */
  wait<Name extends HappeningName>(
    name: Name,
    fits: (event: Recorded<Name>) => boolean,
    expected: string,
  ): Promise<Recorded<Name>> {
    const { log } = this.#options
    const given = this.ended
    const found = new Promise<Recorded<Name>>((resolve, reject) => {
      if (given.aborted) return reject(given.reason as Error)
      const settle = (act: () => void): void => {
        clearTimeout(limit)
        forget()
        given.removeEventListener('abort', aborted)
        act()
      }
      const aborted = (): void => settle(() => reject(given.reason as Error))
      const limit = setTimeout(() => settle(() => reject(late(expected, log))), limitMs)
      const forget = log.follow((event) => {
        const is = event.event === name && fits(event as Recorded<Name>)
        if (is) settle(() => resolve(event as Recorded<Name>))
        return is
      })
      given.addEventListener('abort', aborted)
    })
    // Whoever waits for two things at once may be thrown out by the first.
    found.catch(() => undefined)
    return found
  }

  /** Kills every process that was started, and removes the folder. */
  async end(): Promise<void> {
    for (const { pid } of this.#live.values()) this.#expectedToDie.add(pid)
    await this.#reaper.end()
    this.#links?.close()
  }

  async #startAll(): Promise<void> {
    this.folder = await this.#reaper.ready()
    await this.#links?.open()
    await Promise.all(this.#options.ids.map((id) => this.startPeer(id)))
    this.#deathIsNews = this.#options.live ?? false
  }

  #hear(message: FromReaper): void {
    const { log } = this.#options
    switch (message.type) {
      case 'ready':
        break
      case 'failed':
        this.#broken.abort(new MandateError('INTERNAL', message.message, { reason: message.what }))
        break
      case 'started': {
        const { id, pid } = message
        this.#knowAs(id, pid, this.#starting.get(id))
        log.add(pid, id, { event: 'started' })
        break
      }
      case 'exited': {
        const { id, pid, code, signal, stderr } = message
        if (this.#live.get(id)?.pid === pid) this.#live.delete(id)
        log.add(pid, id, { event: 'exited', code, signal, stderr })
        if (!this.#expectedToDie.has(pid) && !this.#deathIsNews) this.#broken.abort(endedAlone(message))
        break
      }
      default:
        message satisfies never
    }
  }

  #take(id: string, channel: Channel, line: string): void {
    const { pid, ...event } = JSON.parse(line) as { readonly pid: number } & FromPeer
    // The news of its start comes over another pipe than the first that it says.
    if (this.#starting.get(id) === channel) this.#knowAs(id, pid, channel)
    this.#options.log.add(pid, id, event)
    if (event.event === 'failed' && !this.#deathIsNews) this.#broken.abort(failed(id, event))
  }

  #knowAs(id: string, pid: number, channel: Channel | undefined): void {
    this.#starting.delete(id)
    this.#pids.add(pid)
    if (channel !== undefined) this.#live.set(id, { pid, channel })
  }

  #mustLive(id: string): { readonly pid: number; readonly channel: Channel } {
    const live = this.#live.get(id)
    if (live === undefined) throw new MandateError('INTERNAL', `peer ${id} does not run`, { reason: 'demo' })
    return live
  }
}

function late(expected: string, log: EventLog): MandateError<'TIMEOUT'> {
  const recent = log.all.filter(({ event }) => event !== 'wrote').slice(-8)
  const lines = recent.map(({ id, event, ...more }) => `\n    ${id} ${event} ${summary(more)}`)
  const message = `within ${limitMs} ms this was expected: ${expected}. What happened last:${lines.join('')}`
  return new MandateError('TIMEOUT', message, { afterMs: limitMs })
}

function summary(more: object): string {
  const { at: _at, pid: _pid, valid: _valid, stderr: _stderr, ...rest } = more as Record<string, unknown>
  return Object.entries(rest)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ')
}

function failed(id: string, event: Extract<FromPeer, { event: 'failed' }>): MandateError {
  const message = `peer ${id}: ${event.message}`
  if (event.code === 'ADDRESS_IN_USE') return new MandateError('ADDRESS_IN_USE', message, { address: id })
  return new MandateError('INTERNAL', message, { reason: event.code })
}

function endedAlone(exited: Extract<FromReaper, { type: 'exited' }>): MandateError {
  const how = exited.signal ?? `code ${exited.code}`
  const said = exited.stderr.trim() === '' ? '' : `; it said:\n${exited.stderr.trim()}`
  return new MandateError('INTERNAL', `peer ${exited.id} ended by itself (${how})${said}`, { reason: 'demo' })
}
