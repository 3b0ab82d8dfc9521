/** Runs the Raft core of a peer: feeds it one input at a time and carries out its effects in order. */
import { isMandateError } from '../errors.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import { entriesBetween, lastIndex } from '../protocols/raft/log.ts'
import { createRaft, type Raft, type Recovered } from '../protocols/raft/state.ts'
import { step } from '../protocols/raft/step.ts'
import type {
  Entry,
  RaftEffect,
  RaftInput,
  RaftMessage,
  RaftOptions,
  RaftTimer,
} from '../protocols/raft/types.ts'
import type { Command } from '../registry/types.ts'
import { between, type Random } from '../seams/random.ts'
import type { Lane } from '../seams/transport.ts'
import type { DiskQueue } from './disk-queue.ts'
import type { LogRecord } from './messages.ts'
import type { NamedTimers } from './timers.ts'

export interface RaftRunnerDuties {
  send(to: PeerId, message: RaftMessage<Command>, lane: Lane): void
  enqueue(task: () => void): void
  /** This peer leads, and its heartbeat is due: what changes it comes now. */
  beforeBeat(): void
  /** This peer leads, and its heartbeat is about to be sent. */
  beating(): void
  /** How long an accusation waits whose timer came so late. */
  graceMs(lateMs: number): number
  committed(entries: readonly Entry<Command>[]): void
  appended(entries: readonly Entry<Command>[]): void
  became(leads: boolean, leader: PeerId | null): void
  readAnswered(id: number, index: number | null): void
  /** A peer sent what no correct peer sends; it was dropped and changed nothing. */
  refused(from: PeerId, error: unknown): void
}

export class RaftRunner {
  readonly raft: Raft<Command>
  readonly #inputs: RaftInput<Command>[] = []
  readonly #disk: DiskQueue<LogRecord>
  readonly #timers: NamedTimers
  readonly #random: Random
  readonly #duties: RaftRunnerDuties

  constructor(
    options: RaftOptions,
    recovered: Recovered<Command>,
    parts: { readonly disk: DiskQueue<LogRecord>; readonly timers: NamedTimers; readonly random: Random },
    duties: RaftRunnerDuties,
  ) {
    this.raft = createRaft(options, recovered)
    this.#disk = parts.disk
    this.#timers = parts.timers
    this.#random = parts.random
    this.#duties = duties
  }

  /** Taken up by the next `drain`: an input that comes of an effect waits until all effects before it are done. */
  feed(input: RaftInput<Command>): void {
    this.#inputs.push(input)
  }

  /** True if there was anything to do. */
  drain(): boolean {
    let any = false
    for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
      any = true
      for (const effect of this.#step(input)) this.#execute(effect)
    }
    return any
  }

  #step(input: RaftInput<Command>): readonly RaftEffect<Command>[] {
    try {
      return step(this.raft, input)
    } catch (error) {
      // An impossible message is refused before it changes anything; any other error leaves a state not to be trusted.
      if (input.type !== 'message' || !isMandateError(error, 'PROTOCOL_ERROR')) throw error
      this.#duties.refused(input.from, error)
      return []
    }
  }

  /** Proposals are taken: this peer leads, and hands over to nobody. */
  get accepts(): boolean {
    return this.raft.role.name === 'leader' && this.raft.transfer === null
  }

  /** False: the leader that this peer follows names it no successor, for it does not hear it. */
  get isHeard(): boolean {
    const { successors, self } = this.raft
    return successors.length === 0 || successors.includes(self)
  }

  /** The log behind `index`, committed or not. */
  entriesBehind(index: number): readonly Entry<Command>[] {
    return entriesBetween(this.raft.log, index + 1, lastIndex(this.raft.log))
  }

  #execute(effect: RaftEffect<Command>): void {
    switch (effect.type) {
      case 'send': {
        const send = (): void => this.#duties.send(effect.to, effect.message, laneOf(effect.message))
        if (effect.after === undefined) send()
        else this.#disk.gate('raft', effect.after, send)
        return
      }
      case 'persist': {
        const records: LogRecord[] = []
        if (effect.hardState !== undefined) records.push({ type: 'hard-state', ...effect.hardState })
        if (effect.entries !== undefined) records.push({ type: 'entries', entries: effect.entries })
        this.#disk.write('raft', effect.sequence, records)
        return
      }
      case 'arm-timer':
        this.#arm(effect.timer, between(this.#random, effect.minMs, effect.maxMs))
        return
      case 'cancel-timer':
        this.#timers.cancel(effect.timer)
        return
      case 'commit':
        this.#duties.committed(effect.entries)
        return
      case 'appended':
        this.#duties.appended(effect.entries)
        return
      case 'became':
        this.#duties.became(effect.role === 'leader', effect.leader)
        return
      case 'read-ready':
        this.#duties.readAnswered(effect.id, effect.index)
        return
      case 'read-failed':
        this.#duties.readAnswered(effect.id, null)
        return
      case 'proposal-refused':
        // The sponsors that asked repeat their proposals to the next leader.
        return
      case 'transfer-ended':
        return
      default:
        effect satisfies never
    }
  }

  #arm(timer: RaftTimer, delayMs: number): void {
    const fire = (): void =>
      this.#duties.enqueue(() => {
        if (timer === 'heartbeat') this.#duties.beforeBeat()
        this.feed({ type: 'timer', timer })
        if (timer === 'heartbeat') this.#duties.beating()
      })
    if (timer !== 'election' && timer !== 'succession') {
      this.#timers.set(timer, delayMs, fire)
      return
    }
    this.#timers.setAccusation(timer, delayMs, (lateMs) => {
      const graceMs = this.#duties.graceMs(lateMs)
      // Once: who is always late would never accuse anybody.
      if (graceMs > 0) this.#timers.setAccusation(timer, graceMs, fire)
      else fire()
    })
  }
}

function laneOf(message: RaftMessage<Command>): Lane {
  // One or few entries are as small as a heartbeat, and carry grants: only catching up is bulk.
  return message.type === 'append' && message.entries.length > 8 ? 'bulk' : 'urgent'
}
