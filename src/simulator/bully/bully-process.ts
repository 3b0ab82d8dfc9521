/** One run of one peer: the core and its candidates. What a turn has for the disk becomes one write. */
import { createBully, type Bully } from '../../protocols/bully/state.ts'
import type {
  BullyEffect,
  BullyInput,
  BullyMessage,
  BullyRecord,
  SessionNews,
} from '../../protocols/bully/types.ts'
import { Alarm } from '../core/alarm.ts'
import { ProcessTask } from '../bare/process-task.ts'
import type { Incarnation } from '../incarnation.ts'
import { BullyCandidate } from './bully-candidate.ts'
import type { BullyHost, BullySurroundings } from './bully-surroundings.ts'

/** How what happens in a process stands in the trace. */
const inTurn = { phase: 'input', mark: 7 } as const

export class BullyProcess {
  readonly bully: Bully
  readonly incarnation: Incarnation
  readonly candidates: readonly BullyCandidate[]
  readonly #world: BullySurroundings
  readonly #machine: BullyHost
  readonly #inputs: BullyInput[] = []
  readonly #news: { readonly session: string; readonly news: SessionNews }[] = []
  #gated: { readonly to: string; readonly message: BullyMessage; readonly after: number }[] = []
  #records: BullyRecord[] = []
  #sequence = 0
  #durable = 0
  #letters = new Map<string, BullyMessage[]>()
  #settling = false
  readonly #wake: Alarm
  readonly #beat: Alarm

  constructor(world: BullySurroundings, machine: BullyHost, incarnation: Incarnation) {
    this.#world = world
    this.#machine = machine
    this.incarnation = incarnation
    const { timing } = world.plan
    this.bully = createBully(
      {
        self: machine.id,
        incarnation: incarnation.run,
        configuration: world.configuration,
        heartbeatMs: timing.heartbeatMs,
        rankStepMs: 10,
        bounds: timing,
        startedAt: machine.clock.read(),
        preemptAfterMs: world.preemptAfterMs,
      },
      machine.records,
    )
    this.#wake = new Alarm(world.stage.scheduler, incarnation, 1, () => this.feed({ type: 'wake' }))
    this.#beat = new Alarm(world.stage.scheduler, incarnation, 2, () => this.#beats())
    this.candidates = world.plan.candidates
      .filter(({ process }) => process === machine.id)
      .map((plan) => new BullyCandidate(plan, this.#candidateWorld()))
  }

  #candidateWorld(): ConstructorParameters<typeof BullyCandidate>[1] {
    const { plan, claims, configuration, stage } = this.#world
    return {
      timing: plan.timing,
      configuration,
      host: { peer: this.#machine.id, incarnation: this.incarnation.run },
      chance: this.#machine.chance,
      now: () => this.#machine.clock.read(),
      after: (delayMs, act) =>
        stage.scheduler.put(
          new ProcessTask(this.incarnation, inTurn, () => {
            act()
            this.settle()
          }),
          this.#machine.clock.after(delayMs),
        ),
      feed: (input) => {
        this.#inputs.push(input)
      },
      elected: (candidate) => {
        this.#world.elected(this.#machine.id, candidate)
        claims.elected(candidate)
      },
      lost: (candidate) => {
        claims.leading.delete(candidate)
        this.#world.stage.log?.(this.#machine.id, `lost ${candidate.plan.election}`)
      },
    }
  }

  start(): void {
    this.#armBeat()
    this.settle()
  }

  receive(from: string, letters: readonly BullyMessage[]): void {
    for (const message of letters) {
      this.#world.stage.log?.(this.#machine.id, `hears ${message.type} of ${from}`, message)
      if (message.type === 'keepalive') this.#world.claims.heard(this.#machine.place, message.session)
      this.#inputs.push({ type: 'message', from, message })
    }
    this.settle()
  }

  feed(input: BullyInput): void {
    this.#inputs.push(input)
    this.settle()
  }

  #beats(): void {
    this.#armBeat()
    for (const candidate of this.candidates) {
      candidate.beat()
      if (candidate.token !== null) this.#world.claims.alone(candidate)
    }
    this.settle()
  }

  #armBeat(): void {
    this.#beat.set(this.#machine.clock.after(this.#world.plan.timing.heartbeatMs))
  }

  /** Until nothing is left to do, then everything leaves. */
  settle(): void {
    if (this.#settling) return
    this.#settling = true
    for (;;) {
      const input = this.#inputs.shift()
      if (input !== undefined) {
        if (input.type === 'keepalive') this.#world.claims.heard(this.#machine.place, input.keepalive.session)
        for (const effect of this.#world.step(this.bully, input, this.#machine.clock.read()))
          this.#execute(effect)
        continue
      }
      const told = this.#news.shift()
      if (told === undefined) break
      for (const candidate of this.candidates)
        if (candidate.session === told.session) candidate.hear(told.news)
    }
    this.#settling = false
    if (this.#records.length > 0) this.#write()
    const letters = this.#letters
    this.#letters = new Map()
    for (const [to, all] of letters)
      this.#world.stage.network.send(this.#machine.place, this.#world.stage.placeOf(to), all)
  }

  #execute(effect: BullyEffect): void {
    switch (effect.type) {
      case 'send': {
        const { to, message, after } = effect
        if (after !== undefined && after > this.#durable) this.#gated.push({ to, message, after })
        else this.#send(to, message)
        return
      }
      case 'persist':
        for (const record of effect.records) this.#world.claims.persists(this.#machine.place, record)
        this.#records.push(...effect.records)
        this.#sequence = effect.sequence
        return
      case 'wake-at':
        if (effect.at === null) this.#wake.cancel()
        else this.#wake.set(this.#machine.clock.after(Math.max(0, effect.at - this.#machine.clock.read())))
        return
      case 'tell':
        // Of this peer itself: of the others it was judged when they sent it.
        if (effect.news.type === 'support' && effect.news.reply.voter === this.#machine.id)
          this.#world.claims.tells(this.#machine.place, effect.news.reply)
        this.#news.push(effect)
        return
      case 'observed':
        this.#world.observed(this.#machine.place, effect.election, effect.led)
        return
      default:
        effect satisfies never
    }
  }

  #send(to: string, message: BullyMessage): void {
    this.#world.claims.tells(this.#machine.place, message)
    const letters = this.#letters.get(to)
    if (letters === undefined) this.#letters.set(to, [message])
    else letters.push(message)
  }

  #write(): void {
    const { pending } = this.#machine
    pending.push({ sequence: this.#sequence, records: this.#records })
    this.#records = []
    if (pending.length === 1) this.#waitForDisk()
  }

  #waitForDisk(): void {
    const { scheduler } = this.#world.stage
    const task = new ProcessTask(this.incarnation, inTurn, () => this.#written())
    scheduler.put(task, scheduler.now + this.#machine.writeTakesMs())
  }

  #written(): void {
    const batch = this.#machine.written()
    if (batch === undefined) return
    if (this.#machine.pending.length > 0) this.#waitForDisk()
    this.#durable = batch.sequence
    const free = this.#gated.filter(({ after }) => after <= this.#durable)
    this.#gated = this.#gated.filter(({ after }) => after > this.#durable)
    for (const { to, message } of free) this.#send(to, message)
    this.feed({ type: 'persisted', sequence: this.#durable })
  }
}
