/** The demo on a terminal: a real cluster, a table that lives, and a key for everything that can go wrong. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exclusivity } from '../../../backends/backend.ts'
import { raft } from '../../../backends/raft.ts'
import type { ClusterView, RaftBackend } from '../../../backends/raft.ts'
import { segmentedFile } from '../../../fencing/segmented-file.ts'
import { resolveTiming } from '../../../lease/timing.ts'
import { paletteFor } from '../../colour.ts'
import { print } from '../../streams.ts'
import { audit } from '../audit.ts'
import type { LedgerCount } from '../audit.ts'
import { DemoCluster, liveCluster } from '../cluster.ts'
import type { EventLog, Recorded } from '../event-log.ts'
import type { Interruption } from '../interruption.ts'
import type { DemoOptions } from '../options.ts'
import { monotonicMs } from '../protocol.ts'
import { glyphsFor } from './glyphs.ts'
import { intentOf, keysIn } from './keys.ts'
import type { Deed } from './keys.ts'
import { paint } from './line.ts'
import { begin, update } from './model.ts'
import type { Input, State, Tone, View } from './state.ts'
import { Screen } from './screen.ts'
import { draw } from './view.ts'

/** Each start of a peer needs a channel of its own, made beforehand. */
const restartsMax = 60
/** Events that the log keeps: the model has taken what it needs. */
export const eventsKept = 1000
/** At most: 16 times a second. */
const drawEveryMs = 60
const askEveryMs = 150
const checkWaitMs = 500
/** A leader takes a hole of this length in its time for the freeze; longer than a busy machine makes by itself. */
const frozenMs = 250
const endWaitMs = 3000

export interface LiveEnd {
  readonly state: State
  readonly ledger: LedgerCount
}

/** Until the user quits. @throws Interrupted; whatever ended the cluster */
export async function live(options: DemoOptions, log: EventLog, stop: Interruption): Promise<LiveEnd> {
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, options.peers)
  print(`Starting ${ids.length} peers, each a process of its own`)
  const timing = resolveTiming(options.timing)
  const cluster = await DemoCluster.start({
    ...{ ids, timing, log, stop: stop.signal },
    restarts: restartsMax,
    live: true,
  })
  const stage = new Live(options, cluster, log, stop)
  try {
    await stage.untilQuit()
    return await stage.conclude()
  } finally {
    stage.close()
    await cluster.end()
  }
}

class Live {
  readonly #cluster: DemoCluster
  readonly #exclusivity: Exclusivity
  readonly #election: string
  readonly #ledger: string
  readonly #backend: RaftBackend
  readonly #screen: Screen
  readonly #palette = paletteFor(1, process.env)
  readonly #glyphs = glyphsFor(process.env)
  readonly #ended = new AbortController()
  readonly #forget: () => void
  readonly #pausedAt = new Map<string, number>()
  readonly #busy = new Set<string>()
  #state: State
  #drawnAt = 0

  constructor(options: DemoOptions, cluster: DemoCluster, log: EventLog, stop: Interruption) {
    this.#cluster = cluster
    // One election is enough to look at; the library's own default.
    this.#exclusivity = options.exclusivity === 'both' ? 'time' : options.exclusivity
    this.#election = `demo-${this.#exclusivity}`
    this.#ledger = join(cluster.folder, `ledger-${this.#exclusivity}`)
    this.#backend = raft({
      peers: cluster.peers,
      cluster: liveCluster,
      onBackgroundFailure: () => undefined,
    })
    const timing = resolveTiming(options.timing)
    const about = {
      startedAt: log.all[0]?.at ?? monotonicMs(),
      exclusivity: this.#exclusivity,
      preset: options.timing,
      timing,
    }
    this.#state = begin(about, Object.keys(cluster.peers))
    for (const event of log.all) this.#take({ is: 'happened', event })
    this.#forget = log.follow((event) => {
      this.#take({ is: 'happened', event })
      return false
    })
    this.#screen = new Screen({
      key: (text) => this.#press(text),
      redraw: () => this.#draw(),
      closed: () => stop.outputClosed(),
    })
  }

  /** @throws the reason why the demo cannot go on */
  async untilQuit(): Promise<void> {
    const { ended } = this.#cluster
    const over = AbortSignal.any([ended, this.#ended.signal])
    this.#screen.open()
    for (const { id } of this.#state.peers) this.#stand(id)
    const drawing = setInterval(() => this.#draw(), drawEveryMs)
    try {
      while (!over.aborted) {
        await this.#ask(over)
        await sleep(askEveryMs, undefined, { signal: over }).catch(() => undefined)
      }
    } finally {
      clearInterval(drawing)
    }
    if (ended.aborted) throw ended.reason
  }

  /** Nobody writes any more; then the ledger is held against what was seen. */
  async conclude(): Promise<LiveEnd> {
    this.close()
    const ids = this.#state.peers.map(({ id }) => id).filter((id) => this.#cluster.isRunning(id))
    const exits = ids.map((id) => this.#cluster.wait('exited', (event) => event.id === id, `${id} ends`))
    for (const id of ids) this.#cluster.signal(id, 'SIGKILL', null)
    await Promise.race([Promise.all(exits), sleep(endWaitMs, undefined, { ref: false })])
    const { lastWrote, refused, twice } = this.#state
    const wrote: readonly Recorded[] = lastWrote === null ? [] : [lastWrote]
    const none = { lines: [], settled: true, ignored: 0 }
    const contents = lastWrote === null ? none : await segmentedFile(this.#ledger).read()
    const count = audit(contents, wrote)
    return { state: this.#state, ledger: { ...count, duplicates: count.duplicates + twice, refused } }
  }

  close(): void {
    this.#forget()
    this.#screen.close()
  }

  #take(input: Input): void {
    this.#state = update(this.#state, input)
  }

  #say(text: string, tone: Tone = 'dim'): void {
    this.#take({ is: 'said', text, tone, at: monotonicMs() })
  }

  #draw(): void {
    const { columns, rows } = this.#screen
    this.#drawnAt = monotonicMs()
    const frame = { now: this.#drawnAt, columns, rows, glyphs: this.#glyphs }
    this.#screen.show(draw(this.#state, frame).map((line) => paint(line, this.#palette)))
  }

  #press(text: string): void {
    for (const key of keysIn(text)) this.#act(key)
    // At once, unless somebody leans on the keyboard.
    if (monotonicMs() - this.#drawnAt >= drawEveryMs) this.#draw()
  }

  #act(key: string): void {
    const intent = intentOf(key, this.#state)
    switch (intent.do) {
      case 'quit':
        return this.#ended.abort()
      case 'nothing':
        return
      case 'help':
        return this.#take({ is: 'help', open: intent.open })
      case 'choose':
        return this.#take({ is: 'chose', id: intent.id })
      case 'say':
        return this.#say(intent.text)
      default:
        void this.#perform(intent.do, intent.id)
    }
  }

  /** One deed at a time on each peer; what goes wrong with it is told, and ends nothing. */
  async #perform(deed: Deed, id: string): Promise<void> {
    if (this.#busy.has(id)) return
    this.#busy.add(id)
    try {
      await this.#do(deed, id)
    } catch (error) {
      if (!this.#cluster.ended.aborted)
        this.#say(error instanceof Error ? error.message : String(error), 'bad')
    } finally {
      this.#busy.delete(id)
    }
  }

  async #do(deed: Deed, id: string): Promise<void> {
    const cluster = this.#cluster
    const token = this.#peer(id)?.token ?? null
    const at = monotonicMs()
    switch (deed) {
      case 'kill':
        cluster.signal(id, 'SIGKILL', token)
        break
      case 'pause':
        await this.#pause(id, token)
        break
      case 'continue':
        await this.#continue(id, token)
        break
      case 'restart':
        await this.#restart(id)
        break
      case 'resign':
        cluster.tell(id, { type: 'resign' })
        break
      case 'cut':
        cluster.cut(id)
        this.#take({ is: 'cut', id, at })
        break
      case 'heal':
        cluster.heal(id)
        this.#take({ is: 'healed', id, at })
        break
      default:
        deed satisfies never
    }
  }

  /** A leader at the worst instant: after its check and before its write. */
  async #pause(id: string, token: string | null): Promise<void> {
    if (token !== null) {
      const checked = this.#cluster.wait('checked', (event) => event.token === token, `${id} checks`)
      this.#cluster.tell(id, { type: 'hesitate', token, frozenMs })
      // A leader that loses its lease just now does not check any more.
      await Promise.race([checked, sleep(checkWaitMs, undefined, { signal: this.#cluster.ended })])
    }
    if (!this.#cluster.isRunning(id)) return
    this.#cluster.signal(id, 'SIGSTOP', token)
    this.#pausedAt.set(id, monotonicMs())
  }

  async #continue(id: string, token: string | null): Promise<void> {
    // It must have been away for long enough to have noticed.
    const restMs = (this.#pausedAt.get(id) ?? 0) + frozenMs + 100 - monotonicMs()
    if (restMs > 0) await sleep(restMs, undefined, { signal: this.#cluster.ended })
    if (this.#cluster.isRunning(id)) this.#cluster.signal(id, 'SIGCONT', token)
  }

  async #restart(id: string): Promise<void> {
    const cluster = this.#cluster
    if (cluster.startsLeft === 0) return this.#say('this demo has used up its restarts: q quits', 'warn')
    this.#take({ is: 'starting', id, at: monotonicMs() })
    const died = cluster
      .wait('exited', (event) => event.id === id, `${id} stays`)
      .then(() => {
        throw new Error(`${id} died while it started`)
      })
    await Promise.race([cluster.startPeer(id), died])
    this.#stand(id)
  }

  #stand(id: string): void {
    const [election, exclusivity, ledger] = [this.#election, this.#exclusivity, this.#ledger]
    this.#cluster.tell(id, { type: 'stand', election, exclusivity, ledger })
  }

  #peer(id: string): State['peers'][number] | undefined {
    return this.#state.peers.find((peer) => peer.id === id)
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const view = await this.#backend.status({ signal, election: this.#election, timeoutMs: askEveryMs })
      this.#take({ is: 'viewed', views: viewsIn(view) })
    } catch {
      // Aborted; or a peer died while it answered, and the next question is soon.
    }
  }
}

function viewsIn({ answers }: ClusterView): Map<string, View> {
  return new Map(
    answers.map(({ peer, role, term, elections }) => {
      const leader = elections[0]?.leader ?? null
      return [peer, { role, term, leader: leader?.id ?? null, token: leader?.token.toString() ?? null }]
    }),
  )
}
