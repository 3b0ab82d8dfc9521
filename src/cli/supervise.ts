/**
 * The supervisor of `run`: stands for election, runs the command while it leads, and ends with a code that says whose
 * it is. It does no work of its own that a pause could make late: whatever must not be late is the guard's.
 */
import type { Backend, LossReason, Metadata, OperatorWish, Guarantee } from '../backends/backend.ts'
import type { CampaignOptions } from '../election/campaign.ts'
import type { HealthWatch } from '../election/health.ts'
import { createElection } from '../index.ts'
import { Asked } from './asked.ts'
import { pauseUnless, within } from './bounded-wait.ts'
import { exitCode, exitCodeOfSignal } from './exit-codes.ts'
import type { BackendDescription } from './description.ts'
import { formatDuration } from './duration.ts'
import { GuardLink } from './guard-link.ts'
import type { CommandLine } from './guard-protocol.ts'
import type { Ending, RunLog } from './run-log.ts'
import type { QuorumWatch } from './quorum-watch.ts'
import { RestartPause, startsAgain } from './restart.ts'
import type { OnLoss, RestartPolicy } from './settings.ts'
import type { SignalInbox } from './signals.ts'
import { Term } from './term.ts'
import type { HeldLeadership, RunExclusivity, TermEnd } from './term-options.ts'

export interface RunPlan {
  readonly election: string
  readonly id: string
  readonly priority: number
  readonly metadata: Metadata
  readonly exclusivity: RunExclusivity
  readonly leaseMs: number
  readonly graceMs: number
  readonly marginMs: number
  readonly waitMs: number | undefined
  readonly onLoss: OnLoss
  readonly restart: RestartPolicy
  readonly killSignal: NodeJS.Signals
  readonly command: CommandLine
  readonly backend: BackendDescription
}

export interface RunParts {
  readonly backend: Backend<Guarantee>
  readonly guard: GuardLink
  readonly inbox: SignalInbox
  readonly log: RunLog
  readonly env: NodeJS.ProcessEnv
  /** Says why nobody is elected. */
  readonly watch: QuorumWatch
  /**
   * Not the election's own: that would release a leadership as soon as it ends, while here the command has to be dead
   * first. Null: always healthy.
   */
  readonly health: HealthWatch | null
}

/** A guard that dies again and again has a reason (memory, a limit on processes) that trying does not remove. */
const guardRestarts = 3
const pauseAfterLossMs = 100
/** After a leadership that was given up on request: whoever stands elsewhere goes first, as after `lead()` resigned. */
const pauseAfterRequestMs = 1000
/** Releasing is a favour to the successor; an arbiter that is away must not keep this process. */
const resignLimitMs = 5000

/** Of an election: stands until it leads. */
type Campaign = (o: CampaignOptions) => Promise<HeldLeadership>

export async function supervise(plan: RunPlan, parts: RunParts): Promise<Ending> {
  return new Supervisor(plan, parts).run()
}

class Supervisor {
  readonly #plan: RunPlan
  readonly #parts: RunParts
  readonly #stop = new AbortController()
  #stopSignal: NodeJS.Signals | undefined
  #guard: GuardLink
  #guardsLost = 0
  #term: Term | undefined
  /** From the first start of the command to its last end, pauses between its lives included. */
  #leads = false
  /** Of the leadership that stands, or that is stood for. */
  #asked = new Asked()
  /** The guard that knows how to release the present leadership. */
  #informed: GuardLink | undefined

  constructor(plan: RunPlan, parts: RunParts) {
    this.#plan = plan
    this.#parts = parts
    this.#guard = parts.guard
  }

  async run(): Promise<Ending> {
    const { election: name, id, priority, metadata, exclusivity, leaseMs } = this.#plan
    this.#listen()
    const unchecked = this.#parts.health?.use()
    const election = createElection({
      name,
      backend: this.#parts.backend,
      candidate: { id, priority, metadata },
      ...(exclusivity === 'none' ? {} : { exclusivity }),
      leaseMs,
    })
    try {
      for (;;) {
        const ending = await this.#once((o) => election.campaign(o))
        if (ending !== undefined) return ending
        // Whatever took the leadership away may still be there.
        const pauseMs = this.#asked.wish === undefined ? pauseAfterLossMs : pauseAfterRequestMs
        await pauseUnless(this.#stop.signal, pauseMs)
      }
    } finally {
      unchecked?.()
      await this.#within(resignLimitMs, election.close())
      await this.#guard.end()
    }
  }

  #listen(): void {
    this.#parts.inbox.attach({
      hasCommand: () => this.#leads,
      forward: (signal) => this.#term?.forward(signal),
      hurry: () => this.#term?.hurry(),
      stop: (signal) => {
        this.#stopSignal = signal
        this.#stop.abort()
        this.#term?.stop(signal)
      },
    })
  }

  /** The command stops first, as for a failed health check; only then is the leadership given up. */
  #hear(wish: OperatorWish): void {
    this.#asked.tell(wish)
    this.#term?.handOver(wish.to === null ? 'resigned' : 'transferred', this.#asked.why)
  }

  /** One candidacy and, if it wins, one life of the command. Undefined: stand again. */
  async #once(campaign: Campaign): Promise<Ending | undefined> {
    const { log } = this.#parts
    this.#asked = new Asked()
    log.event({ event: 'campaigning', msg: `standing in '${this.#plan.election}' as ${this.#plan.id}` })
    const leadership = await this.#campaign(campaign)
    if (leadership === 'stopped') return this.#stoppedEnding()
    if (leadership === 'not-elected') {
      const waited = formatDuration(this.#plan.waitMs ?? 0)
      return { code: exitCode.notElected, whose: 'mandate', why: `not elected within ${waited}` }
    }
    const { token, rank } = leadership
    const mark =
      rank === undefined ? `token ${token}` : `rank ${rank.epoch}.${rank.slot}, which guards nothing`
    log.event({ event: 'elected', token, msg: `elected, ${mark}` })
    this.#informed = undefined
    this.#leads = true
    const unwatch = this.#parts.health?.onceUnhealthy(() => this.#term?.handOver('unhealthy'))
    const end = await this.#lead(leadership)
    unwatch?.()
    this.#leads = false
    if (end.is === 'guard-lost') {
      const msg = `the guard ${end.reason}; its command was killed`
      log.event({ event: 'guard', level: 'error', token, reason: 'guard-lost', msg })
    }
    await this.#resign(leadership, end)
    return this.#endingOf(end)
  }

  async #campaign(campaign: Campaign): Promise<HeldLeadership | 'stopped' | 'not-elected'> {
    const giveUp = new AbortController()
    const limit =
      this.#plan.waitMs === undefined ? undefined : setTimeout(() => giveUp.abort(), this.#plan.waitMs)
    this.#parts.watch.start()
    try {
      return await this.#campaignHealthy(campaign, AbortSignal.any([this.#stop.signal, giveUp.signal]))
    } catch (error) {
      if (this.#stop.signal.aborted) return 'stopped'
      if (giveUp.signal.aborted) return 'not-elected'
      throw error
    } finally {
      clearTimeout(limit)
      this.#parts.watch.stop()
    }
  }

  /** Stands only while healthy. Rejects once `stop` has aborted, as `campaign` does. */
  async #campaignHealthy(campaign: Campaign, stop: AbortSignal): Promise<HeldLeadership> {
    const { health } = this.#parts
    const onAsked = (wish: OperatorWish): void => this.#hear(wish)
    if (health === null) return campaign({ signal: stop, onAsked })
    for (;;) {
      await health.untilHealthy(stop)
      const unhealthy = new AbortController()
      const unwatch = health.onceUnhealthy(() => unhealthy.abort())
      try {
        return await campaign({ signal: AbortSignal.any([stop, unhealthy.signal]), onAsked })
      } catch (error) {
        if (stop.aborted || !unhealthy.signal.aborted) throw error
      } finally {
        unwatch()
      }
    }
  }

  /** The command's lives under one leadership: one, unless `--restart` says otherwise. */
  async #lead(leadership: HeldLeadership): Promise<TermEnd> {
    const pause = new RestartPause()
    for (;;) {
      const startedAt = performance.now()
      if (this.#parts.health?.isHealthy === false) return this.#lost(leadership, 'unhealthy')
      if (this.#asked.wish !== undefined) return this.#lost(leadership, await this.#asked.reason)
      const end = await this.#live(leadership)
      if (end.is !== 'ended' || !end.byItself || this.#stop.signal.aborted) return end
      if (!startsAgain(this.#plan.restart, end.exitCode)) return end
      const pauseMs = pause.after(performance.now() - startedAt)
      this.#parts.log.note(`starting the command again in ${formatDuration(pauseMs)}`)
      const reason = await this.#rest(pauseMs, leadership)
      if (reason === undefined) continue
      if (reason === 'stopped') return { is: 'stopped' }
      return this.#lost(leadership, reason)
    }
  }

  #lost({ token }: HeldLeadership, reason: LossReason): TermEnd {
    this.#parts.log.lost(token, reason, this.#asked.wish === undefined ? undefined : this.#asked.why)
    return { is: 'lost', reason }
  }

  /** Undefined when the time has passed and nothing has happened meanwhile. */
  async #rest(pauseMs: number, { lost }: HeldLeadership): Promise<LossReason | 'stopped' | undefined> {
    const { signal } = this.#stop
    if (signal.aborted) return 'stopped'
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), pauseMs)))
    const stopped = new Promise<'stopped'>((resolve) =>
      signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    )
    const first = await Promise.race([lost, stopped, over, this.#asked.reason])
    clearTimeout(timer)
    return first
  }

  async #live(leadership: HeldLeadership): Promise<TermEnd> {
    const { env, log } = this.#parts
    if (this.#guard.lost) this.#guard = new GuardLink(env)
    await this.#guard.ready()
    if (this.#stop.signal.aborted) return { is: 'stopped' }
    if (this.#asked.wish !== undefined) return this.#lost(leadership, await this.#asked.reason)
    const { command, exclusivity, leaseMs, graceMs, marginMs, killSignal } = this.#plan
    this.#term = new Term({
      leadership,
      guard: this.#guard,
      command: { ...command, env: this.#environment(leadership) },
      exclusivity,
      leaseMs,
      graceMs,
      marginMs,
      killSignal,
      log,
    })
    const running = this.#term.run()
    if (this.#informed !== this.#guard) void this.#planRelease(this.#guard)
    this.#informed = this.#guard
    const end = await running
    this.#term = undefined
    return end
  }

  /**
   * What the command is told, last, so that an inherited value cannot win. An advisory leadership has no token: a command that
   * needs one finds none, and fails, instead of writing with something that protects nothing.
   */
  #environment({ token, tokenScope, rank }: HeldLeadership): Record<string, string> {
    const { election, id, command } = this.#plan
    const own = { ...withoutInherited(command.env), MANDATE_ELECTION: election, MANDATE_ID: id }
    if (rank !== undefined) return { ...own, MANDATE_RANK: `${rank.epoch}.${rank.slot}` }
    return { ...own, MANDATE_TOKEN: String(token), MANDATE_TOKEN_SCOPE: tokenScope ?? '' }
  }

  /** Gives the guard what it needs to free the session after this process's death. */
  async #planRelease(guard: GuardLink): Promise<void> {
    const { backend } = this.#parts
    const { id, leaseMs, backend: description } = this.#plan
    if (description.type === 'memory' || backend.releaseSession === undefined) return
    // Sessions are shared by (id, lease): this share is in the very session that won.
    const share = await backend
      .share({ candidateId: id, leaseMs }, { signal: this.#stop.signal })
      .catch(() => undefined)
    const ticket = share?.session.ticket?.()
    if (ticket !== undefined) guard.send({ type: 'plan', plan: { backend: description, ticket, leaseMs } })
    await share?.leave({})
  }

  async #resign(leadership: HeldLeadership, end: TermEnd): Promise<void> {
    const to = this.#asked.wish?.to ?? null
    const given = to === null ? 'done' : await this.#within(resignLimitMs, leadership.transfer(to))
    await this.#within(resignLimitMs, leadership.resign())
    if (end.is === 'lost' && this.#asked.wish === undefined) return
    const handedOver = to !== null && given === 'done'
    const msg = handedOver
      ? `handed over to '${to}'`
      : to === null
        ? 'resigned'
        : `resigned: '${to}' did not take over`
    this.#parts.log.event({ event: 'resigned', token: leadership.token, msg })
  }

  #endingOf(end: TermEnd): Ending | undefined {
    switch (end.is) {
      case 'ended':
        this.#guardsLost = 0
        return { code: end.exitCode, whose: 'command', why: end.why }
      case 'stopped':
        return this.#stoppedEnding()
      case 'cannot-run':
        return { code: end.exitCode, whose: 'mandate', why: end.why }
      case 'lost':
        if (this.#stop.signal.aborted) return this.#stoppedEnding()
        if (this.#plan.onLoss === 'campaign') return undefined
        return { code: exitCode.leadershipLost, whose: 'mandate', why: `leadership lost (${end.reason})` }
      case 'guard-lost':
        if (this.#stop.signal.aborted) return this.#stoppedEnding()
        if (++this.#guardsLost <= guardRestarts) return undefined
        return {
          code: exitCode.internal,
          whose: 'mandate',
          why: `the guard died ${this.#guardsLost} times (${end.reason})`,
        }
      default:
        return end satisfies never
    }
  }

  #stoppedEnding(): Ending {
    const signal = this.#stopSignal ?? 'SIGTERM'
    return { code: exitCodeOfSignal(signal), whose: 'mandate', why: `${signal} while no command ran` }
  }

  #within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
    return within(limitMs, promise, this.#parts.inbox.hurried)
  }
}

function withoutInherited(env: Readonly<Record<string, string>>): Record<string, string> {
  const { MANDATE_TOKEN: _token, MANDATE_TOKEN_SCOPE: _scope, MANDATE_RANK: _rank, ...rest } = env
  return rest
}
