/** Runs the voter of a peer (DESIGN §4.1), and carries keepalives and withdraw requests to every voter. */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { SupportMessage, VoterEffect, VoterInput } from '../protocols/support/types.ts'
import { createVoter, stepVoter, type Voter, type VoterOptions } from '../protocols/support/voter.ts'
import type { Clock } from '../seams/clock.ts'
import type { DiskQueue } from './disk-queue.ts'
import type { LogRecord } from './messages.ts'
import type { NamedTimers } from './timers.ts'

/** For a voter. */
export type VoterRequest = Extract<SupportMessage, { type: 'keepalive' | 'withdraw-request' }>
/** From a voter. */
export type VoterReply = Exclude<SupportMessage, VoterRequest>

export interface VoterRunnerDuties {
  send(to: PeerId, message: SupportMessage): void
  /** With the next message to `to`, a heartbeat later at most. */
  sendWithNext(to: PeerId, message: VoterReply): void
  /** Now, what waits for a next message. */
  sendWaiting(): void
  enqueue(task: () => void): void
  /** The answer of a voter, this one or another. */
  replied(reply: VoterReply): void
}

export class VoterRunner {
  readonly voter: Voter
  readonly #voters: readonly PeerId[]
  readonly #clock: Clock
  readonly #disk: DiskQueue<LogRecord>
  readonly #timers: NamedTimers
  readonly #duties: VoterRunnerDuties

  constructor(
    options: VoterOptions,
    parts: {
      readonly voters: readonly PeerId[]
      readonly clock: Clock
      readonly disk: DiskQueue<LogRecord>
      readonly timers: NamedTimers
    },
    duties: VoterRunnerDuties,
  ) {
    this.voter = createVoter(options)
    this.#voters = parts.voters
    this.#clock = parts.clock
    this.#disk = parts.disk
    this.#timers = parts.timers
    this.#duties = duties
  }

  /** What the applied log tells the voter. */
  step(input: VoterInput): void {
    for (const effect of stepVoter(this.voter, input, this.#clock.lower())) this.#execute(effect)
  }

  received(from: PeerId, message: SupportMessage): void {
    switch (message.type) {
      case 'keepalive':
        for (const effect of stepVoter(
          this.voter,
          { type: 'keepalive', from, keepalive: message },
          this.#clock.lower(),
        )) {
          this.#execute(effect, message.patient)
        }
        return
      case 'withdraw-request':
        this.step({ type: 'withdraw-request', from, request: message })
        return
      case 'keepalive-ack':
      case 'keepalive-refusal':
      case 'withdraw-answer':
        this.#duties.replied(message)
        return
      default:
        message satisfies never
    }
  }

  toEveryVoter(message: VoterRequest): void {
    for (const voter of this.#voters) {
      if (voter === this.voter.self) this.received(voter, message)
      else this.#duties.send(voter, message)
    }
  }

  #execute(effect: VoterEffect, patient = false): void {
    switch (effect.type) {
      case 'send': {
        const send = (): void => {
          if (effect.to !== this.voter.self) this.#reply(effect.to, effect.message, patient)
          else this.#duties.enqueue(() => this.#duties.replied(effect.message))
        }
        if (effect.after === undefined) send()
        else this.#disk.gate('support', effect.after, send)
        return
      }
      case 'persist':
        // A2: whatever was acknowledged before is said before, and nothing of it after the withdrawal.
        this.#duties.sendWaiting()
        this.#disk.write('support', effect.sequence, [{ type: 'withdrawal', ...effect.withdrawal }])
        return
      case 'wake-at':
        if (effect.at === null) this.#timers.cancel('support')
        else this.#wakeAt(effect.at)
        return
      default:
        effect satisfies never
    }
  }

  /** An acknowledgement that is late is one that was long on its way. A refusal is news. */
  #reply(to: PeerId, message: VoterReply, patient: boolean): void {
    if (patient && message.type === 'keepalive-ack') this.#duties.sendWithNext(to, message)
    else this.#duties.send(to, message)
  }

  /** A withdrawal accuses: keepalives that wait in the sockets are read first. */
  #wakeAt(at: number): void {
    this.#timers.setAccusation('support', Math.max(0, at - this.#clock.lower()), () =>
      this.#duties.enqueue(() => this.step({ type: 'wake' })),
    )
  }
}
