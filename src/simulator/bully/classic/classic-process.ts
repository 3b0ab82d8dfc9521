/** One run of one peer of the classic bully: the core and its candidates. What a turn has for the disk becomes one write. */
import { createClassic, type Classic } from '../../../protocols/bully/classic/state.ts'
import { step } from '../../../protocols/bully/classic/step.ts'
import type {
  ClassicEffect,
  ClassicInput,
  ClassicMessage,
  ClassicNews,
  ClassicRecord,
} from '../../../protocols/bully/classic/types.ts'
import { ProcessTask } from '../../bare/process-task.ts'
import { Alarm } from '../../core/alarm.ts'
import type { Incarnation } from '../../incarnation.ts'
import { ClassicCandidate } from './classic-candidate.ts'
import type { ClassicHost, ClassicSurroundings } from './classic-surroundings.ts'

/** How what happens in a process stands in the trace. */
const inTurn = { phase: 'input', mark: 7 } as const

export class ClassicProcess {
  readonly classic: Classic
  readonly incarnation: Incarnation
  readonly candidates: readonly ClassicCandidate[]
  readonly #world: ClassicSurroundings
  readonly #machine: ClassicHost
  readonly #inputs: ClassicInput[] = []
  readonly #news: { readonly session: string; readonly news: ClassicNews }[] = []
  #records: ClassicRecord[] = []
  #letters = new Map<string, ClassicMessage[]>()
  #settling = false
  readonly #wake: Alarm
  readonly #beat: Alarm

  constructor(world: ClassicSurroundings, machine: ClassicHost, incarnation: Incarnation) {
    this.#world = world
    this.#machine = machine
    this.incarnation = incarnation
    const { timing, peers, candidates } = world.plan
    this.classic = createClassic(
      {
        self: machine.id,
        peers: peers.map(({ name }) => name),
        incarnation: incarnation.run,
        heartbeatMs: timing.heartbeatMs,
        rankStepMs: 10,
        leaseMs: timing.leaseMs,
        bounds: timing,
      },
      machine.records,
    )
    const { scheduler } = world.stage
    this.#wake = new Alarm(scheduler, incarnation, 1, () => this.feed({ type: 'wake' }))
    this.#beat = new Alarm(scheduler, incarnation, 2, () => this.#beats())
    this.candidates = candidates
      .filter(({ process }) => process === machine.id)
      .map((plan) => new ClassicCandidate(plan, this.#candidateWorld()))
  }

  get #now(): number {
    return this.#machine.clock.read()
  }

  #candidateWorld(): ConstructorParameters<typeof ClassicCandidate>[1] {
    const { claims, plan } = this.#world
    const { place, chance, records, id } = this.#machine
    return {
      ...{ timing: plan.timing, place, run: this.incarnation.run, chance },
      now: () => this.#now,
      after: (delayMs, act) =>
        this.#world.stage.scheduler.put(
          new ProcessTask(this.incarnation, inTurn, () => {
            act()
            this.settle()
          }),
          this.#machine.clock.after(delayMs),
        ),
      feed: (input) => {
        this.#inputs.push(input)
      },
      leads: (candidate, is) => {
        if (is === 'granted') this.#world.elected(id, candidate)
        claims.leads(candidate, is, { records, now: this.#now })
      },
      superseded: (candidate) => claims.superseded(candidate, this.#now),
      stops: (candidate) => {
        claims.stops(candidate)
        this.#world.stage.log?.(id, `stops leading ${candidate.plan.election}`)
      },
    }
  }

  start(): void {
    this.#armBeat()
    this.settle()
  }

  receive(from: string, letters: readonly ClassicMessage[]): void {
    for (const message of letters) {
      this.#world.stage.log?.(this.#machine.id, `hears ${message.body.type} of ${from}`, message)
      const at = { now: this.#now, run: this.incarnation.run }
      this.#world.claims.delivered(this.#machine.place, from, message, at)
      this.#inputs.push({ type: 'message', from, message })
    }
    this.settle()
  }

  feed(input: ClassicInput): void {
    if (input.type === 'evidence') this.#world.claims.evidence(this.#machine.place, input.peer, this.#now)
    this.#inputs.push(input)
    this.settle()
  }

  #beats(): void {
    this.#armBeat()
    for (const candidate of this.candidates) candidate.beat()
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
        for (const effect of step(this.classic, input, this.#now)) this.#execute(effect)
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
    const { network } = this.#world.stage
    for (const [to, all] of letters) network.send(this.#machine.place, this.#world.stage.placeOf(to), all)
  }

  #execute(effect: ClassicEffect): void {
    switch (effect.type) {
      case 'send': {
        const letters = this.#letters.get(effect.to)
        if (letters === undefined) this.#letters.set(effect.to, [effect.message])
        else letters.push(effect.message)
        return
      }
      case 'persist':
        this.#records.push(...effect.records)
        return
      case 'wake-at':
        if (effect.at === null) this.#wake.cancel()
        else this.#wake.set(this.#machine.clock.after(Math.max(0, effect.at - this.#now)))
        return
      case 'tell':
        this.#news.push(effect)
        return
      case 'observed': {
        const { id: peer, place } = this.#machine
        const { election, reign } = effect
        this.#world.stage.log?.(peer, `sees ${reign?.stand.session ?? 'nobody'} lead ${election}`)
        this.#world.claims.follows(place, election, { peer, reign, now: this.#now })
        return
      }
      default:
        effect satisfies never
    }
  }

  #write(): void {
    const { pending } = this.#machine
    pending.push({ sequence: this.classic.sequence, records: this.#records })
    this.#records = []
    if (pending.length === 1) this.#waitForDisk()
  }

  #waitForDisk(): void {
    const { scheduler } = this.#world.stage
    const task = new ProcessTask(this.incarnation, inTurn, () => this.#written())
    scheduler.put(task, scheduler.now + this.#machine.writeTakesMs())
  }

  #written(): void {
    const sequence = this.#machine.written()
    if (sequence === undefined) return
    if (this.#machine.pending.length > 0) this.#waitForDisk()
    this.feed({ type: 'persisted', sequence })
  }
}
