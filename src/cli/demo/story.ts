/** The fixed story of the demo, once for each kind of exclusivity: what is done, and what must follow. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Exclusivity } from '../../backends/backend.ts'
import { raft } from '../../backends/raft.ts'
import type { RaftBackend } from '../../backends/raft.ts'
import { segmentedFile } from '../../fencing/segmented-file.ts'
import type { Timing } from '../../lease/timing.ts'
import { audit } from './audit.ts'
import type { LedgerCount } from './audit.ts'
import type { DemoCluster } from './cluster.ts'
import type { EventLog, Recorded } from './event-log.ts'
import { beliefs, overlapMs } from './overlap.ts'
import { monotonicMs } from './protocol.ts'
import { settledReign } from './reign.ts'
import type { Reign } from './reign.ts'
import type { Step, StepName } from './result.ts'

export interface StoryOptions {
  readonly cluster: DemoCluster
  readonly log: EventLog
  readonly exclusivity: Exclusivity
  readonly timing: Timing
  readonly stop: AbortSignal
  readonly told: (step: Step) => void
  /** What happened beside the story. */
  readonly noted: (text: string) => void
}

export interface Chapter {
  readonly steps: readonly Step[]
  readonly ledger: LedgerCount
  readonly overlapMs: number
}

type Outcome = Partial<Omit<Step, 'step' | 'exclusivity'>> & { readonly detail: string }

/** The leadership ended by itself in the middle of a step, as it may on a machine that has too much to do. */
class EndedByItself extends Error {
  override readonly name = 'EndedByItself'
}

const tries = 3
/** Longer than a busy machine keeps a process waiting, so that only the signal is taken for a freeze. */
const pauseMinMs = 600
/** So that each leader has something in the ledger, and a reader can follow. */
const workFirstMs = 200

export class Story {
  readonly #o: StoryOptions
  readonly #backend: RaftBackend
  readonly #ids: readonly string[]
  readonly #election: string
  readonly #ledger: string
  readonly #steps: Step[] = []
  /** The last one that the story knows of. */
  #token = ''
  /** Where this chapter begins in the log. */
  readonly #begin: number

  constructor(options: StoryOptions) {
    this.#o = options
    this.#ids = Object.keys(options.cluster.peers)
    this.#election = `demo-${options.exclusivity}`
    this.#ledger = join(options.cluster.folder, `ledger-${options.exclusivity}`)
    this.#begin = options.log.all.length
    // A client without a vote: it only asks.
    this.#backend = raft({ peers: options.cluster.peers, onBackgroundFailure: () => undefined })
  }

  /** Ends early, with the step that went wrong as its last, if something is not as it must be. */
  async play(): Promise<Chapter> {
    const complete =
      (await this.#step('elect', () => this.#elect())) &&
      (await this.#step('kill', () => this.#kill())) &&
      (await this.#step('restart', () => this.#restart())) &&
      (await this.#step('resign', () => this.#resign())) &&
      (await this.#pauseAndResume())
    if (complete) await this.#leave()
    const events = this.#events()
    return {
      steps: this.#steps,
      ledger: audit(await segmentedFile(this.#ledger).read(), events),
      overlapMs: this.#o.exclusivity === 'time' ? overlapMs(beliefs(events)) : 0,
    }
  }

  async #elect(): Promise<Outcome> {
    const { cluster } = this.#o
    const led = cluster.wait('leads', () => true, 'one of the peers is elected')
    const begin = monotonicMs()
    for (const id of this.#ids) this.#stand(id)
    const { id, token, at } = await led
    return { to: id, toToken: token, detail: `${ms(at - begin)} after all were told to stand` }
  }

  async #kill(): Promise<Outcome> {
    const reign = await this.#settled()
    const next = this.#nextAfter(reign)
    const sent = this.#o.cluster.signal(reign.id, 'SIGKILL', reign.token)
    const raft = reign.ledRaft ? 'led Raft, too' : 'did not lead Raft'
    return this.#handOver(reign, sent, await next, `${reign.id} ${raft}`)
  }

  async #restart(): Promise<Outcome> {
    const { cluster } = this.#o
    const killed = this.#steps.at(-1)?.from ?? ''
    const begin = monotonicMs()
    const ready = await cluster.startPeer(killed)
    this.#stand(killed)
    await this.#settled()
    const detail = `listens after ${ms(ready.at - begin)}, with the log it had, and waits for its turn`
    return { to: killed, detail }
  }

  async #resign(): Promise<Outcome> {
    const reign = await this.#settled()
    const next = this.#nextAfter(reign)
    const lost = this.#lossOf(reign)
    const sent = this.#o.cluster.tell(reign.id, { type: 'resign' })
    const { reason } = await lost
    if (reason !== 'resigned') throw new EndedByItself(`${reign.id} lost token ${reign.token}: ${reason}`)
    return this.#handOver(reign, sent, await next, `${reign.id} drained its job, then released`)
  }

  async #pauseAndResume(): Promise<boolean> {
    let reign: Reign | undefined
    const paused = await this.#step('pause', async () => {
      reign = await this.#settled()
      return this.#pause(reign)
    })
    if (!paused || reign === undefined) return false
    const { id, token } = reign
    const { cluster } = this.#o
    const refused = cluster.wait(
      'refused',
      (event) => event.token === token,
      `the stale write of ${id} is refused`,
    )
    const lost = this.#lossOf(reign)
    const sent = cluster.signal(id, 'SIGCONT', token)
    const successor = this.#steps.at(-1)
    const about = {
      from: id,
      fromToken: token,
      to: successor?.to ?? null,
      toToken: successor?.toToken ?? null,
    }
    return (
      (await this.#step('resume', async () => {
        const { reason, at } = await lost
        return {
          ...about,
          detail: `noticed its loss (${reason}) ${ms(at - sent.at)} after it ran again`,
        }
      })) &&
      (await this.#step('stale-write', async () => {
        const { by } = await refused
        return {
          ...about,
          detail: `checked before the pause, wrote after it: refused, because the ledger knows token ${by}`,
        }
      }))
    )
  }

  /** Stopped at the worst instant, after its check and before its write, until its lease is past. */
  async #pause(reign: Reign): Promise<Outcome> {
    const { cluster, timing } = this.#o
    const { id, token } = reign
    const pauseMs = Math.max(1.5 * timing.leaseMs, pauseMinMs)
    const lost = this.#lossOf(reign).then(({ reason }) => {
      throw new EndedByItself(`${id} lost token ${token}: ${reason}`)
    })
    const checked = cluster.wait('checked', (event) => event.token === token, `${id} checks that it leads`)
    cluster.tell(id, { type: 'hesitate', token, frozenMs: pauseMs / 2 })
    await Promise.race([checked, lost])
    const next = this.#nextAfter(reign)
    const sent = cluster.signal(id, 'SIGSTOP', token)
    // A newer token bars the ledger only once it has come there.
    const barred = cluster.wait(
      'wrote',
      (event) => BigInt(event.token) > BigInt(token),
      `the successor of ${id} writes`,
    )
    const led = await next
    await barred
    const restMs = sent.at + pauseMs - monotonicMs()
    await sleep(Math.max(0, restMs), undefined, { signal: cluster.ended })
    return this.#handOver(reign, sent, led, `${id} was stopped between its check and its write`)
  }

  async #leave(): Promise<void> {
    const { cluster } = this.#o
    const left = this.#ids.map((id) =>
      cluster.wait('left', (event) => event.id === id, `${id} leaves the election`),
    )
    for (const id of this.#ids) cluster.tell(id, { type: 'leave' })
    await Promise.all(left)
  }

  /** Plays one step; false when it was not as it must be. @throws the reason of `stop` */
  async #step(step: StepName, act: () => Promise<Outcome>): Promise<boolean> {
    const { exclusivity, told } = this.#o
    const nothing = { from: null, to: null, fromToken: null, toToken: null, failoverMs: null, ok: true }
    const outcome = await this.#attempt(act)
    const done: Step = { step, exclusivity, ...nothing, ...outcome }
    this.#steps.push(done)
    if (done.toToken !== null) this.#token = done.toToken
    told(done)
    return done.ok
  }

  async #attempt(act: () => Promise<Outcome>): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act()
      } catch (error) {
        if (this.#o.stop.aborted) throw this.#o.stop.reason
        if (this.#o.cluster.ended.aborted) return { ok: false, detail: textOf(this.#o.cluster.ended.reason) }
        const again = error instanceof EndedByItself && attempt < tries
        if (!again) return { ok: false, detail: textOf(error) }
        this.#o.noted(`${error.message}; once more`)
      }
    }
  }

  #stand(id: string): void {
    const { cluster, exclusivity } = this.#o
    cluster.tell(id, { type: 'stand', election: this.#election, exclusivity, ledger: this.#ledger })
  }

  #nextAfter({ id }: Reign): Promise<Recorded<'leads'>> {
    return this.#o.cluster.wait('leads', (event) => event.id !== id, `another one than ${id} leads`)
  }

  #lossOf({ id, token }: Reign): Promise<Recorded<'lost'>> {
    return this.#o.cluster.wait(
      'lost',
      (event) => event.token === token,
      `${id} notices that it lost token ${token}`,
    )
  }

  #handOver(reign: Reign, sent: Recorded, led: Recorded<'leads'>, detail: string): Outcome {
    return {
      from: reign.id,
      fromToken: reign.token,
      to: led.id,
      toToken: led.token,
      failoverMs: led.at - sent.at,
      ok: BigInt(led.token) > BigInt(reign.token),
      detail,
    }
  }

  async #settled(): Promise<Reign> {
    const signal = this.#o.cluster.ended
    await sleep(workFirstMs, undefined, { signal })
    const reign = await settledReign({
      backend: this.#backend,
      election: this.#election,
      ids: this.#ids,
      signal,
      works: (token) => this.#worksWith(token),
    })
    const { id, token } = reign
    if (this.#token !== '' && this.#token !== token) {
      this.#o.noted(`${id} leads with token ${token} by now: this machine is busy, and a lease ran out`)
    }
    this.#token = token
    return reign
  }

  #worksWith(token: string): boolean {
    const events = this.#events()
    const told = (event: 'wrote' | 'lost'): boolean =>
      events.some((each) => each.event === event && each.token === token)
    return told('wrote') && !told('lost')
  }

  #events(): readonly Recorded[] {
    return this.#o.log.all.slice(this.#begin)
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}
