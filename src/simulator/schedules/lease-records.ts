import { newCandidacy, stepLease } from '../../lease/machine.ts'
import type { LeaseEffect, LeaseInput, LeaseSettings, LeaseState } from '../../lease/machine-types.ts'
import type { LeaseRecord } from '../../lease/record.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

const settings: LeaseSettings = {
  election: 'e',
  id: 'a',
  incarnation: 'a2',
  exclusivity: 'time',
  leaseMs: 1_000,
  maxClockDrift: 0.01,
  tickMs: 1,
  renewDeadlineMs: 1_000,
  renewMs: 300,
  retryMs: 300,
  attemptMs: 300,
  pollMs: 300,
  preferenceMs: 300,
}
const foreign: LeaseRecord = {
  holder: 'b',
  incarnation: 'b1',
  leaseMs: 5_000,
  transitions: 4,
  exclusivity: 'time',
  metadata: {},
}

/** A record with conditional writes, as Kubernetes keeps it, and the mistakes that electors on it have made. */
export const leaseRecords: Schedule = {
  name: 'lease-records',
  claim:
    "A lease record is taken after its holder's own duration unchanged, and held from before the write (reliability survey §1.7)",
  run() {
    waitsForTheRecordedDuration()
    waitsAnewForWhatChanged()
    takesNothingOver()
    countsFromTheSending()
    looksUpWhatMayHaveLanded()
    hearsWhatAWatchTells()
  },
}

class Machine {
  nowMs = 0
  #state: LeaseState<number> = newCandidacy(settings, {})
  #request = 0

  input(input: LeaseInput<number>): readonly LeaseEffect<number>[] {
    const { nowMs } = this
    const { state, effects } = stepLease(this.#state, input, {
      lowerMs: nowMs,
      elapsedMs: (since) => nowMs - since.monotonicMs,
    })
    this.#state = state
    for (const effect of effects)
      if (effect.type === 'read' || effect.type === 'write') this.#request = effect.request
    return effects
  }

  /** The answer to the read that is under way. */
  sees(record: LeaseRecord | null, version: number): readonly LeaseEffect<number>[] {
    const outcome = { is: 'read', record, version, token: 1n } as const
    return this.input({ type: 'read-done', request: this.#request, outcome })
  }

  /** The answer to the write that is under way, which was sent at `sentMs`. */
  wrote(
    sentMs: number,
    outcome: Extract<LeaseInput<number>, { type: 'write-done' }>['outcome'],
  ): readonly LeaseEffect<number>[] {
    const sentAt = { monotonicMs: sentMs, wallMs: sentMs, bootMs: sentMs }
    return this.input({ type: 'write-done', request: this.#request, sentAt, outcome })
  }

  looks(): readonly LeaseEffect<number>[] {
    return this.input({ type: 'timer', timer: 'look' })
  }
}

function waitsForTheRecordedDuration(): void {
  const machine = new Machine()
  machine.input({ type: 'start' })
  machine.sees(foreign, 7)
  machine.nowMs = 1_500
  machine.looks()
  expect(!writes(machine.sees(foreign, 7)), "a record of 5 s is taken after the candidate's own 1 s")
  machine.nowMs = 5_060
  expect(writes(machine.looks()), 'a record that ran out is not taken')
}

function waitsAnewForWhatChanged(): void {
  const machine = new Machine()
  machine.input({ type: 'start' })
  machine.sees(foreign, 7)
  machine.nowMs = 4_000
  machine.looks()
  machine.sees(foreign, 8)
  machine.nowMs = 5_060
  const effects = [...machine.looks(), ...machine.sees(foreign, 8)]
  expect(!writes(effects), 'a record is taken although it was renewed meanwhile')
}

/** The same id, another process: what it left behind is a lease like any other. */
function takesNothingOver(): void {
  const machine = new Machine()
  machine.input({ type: 'start' })
  const effects = machine.sees({ ...foreign, holder: 'a', incarnation: 'a1' }, 7)
  expect(!writes(effects), 'a restarted process takes the lease of its predecessor for its own')
}

function countsFromTheSending(): void {
  const late = new Machine()
  late.input({ type: 'start' })
  late.sees(null, 0)
  late.nowMs = 1_200
  const effects = late.wrote(0, { is: 'applied', version: 1, token: 9n })
  expect(!told(effects, 'won'), 'a lease that ran out before the answer came is won')
  const held = new Machine()
  held.input({ type: 'start' })
  held.sees(null, 0)
  expect(
    told(held.wrote(0, { is: 'applied', version: 1, token: 9n }), 'won'),
    'an applied write wins nothing',
  )
  held.nowMs = 300
  held.input({ type: 'timer', timer: 'renew' })
  held.nowMs = 1_200
  const revived = held.wrote(300, { is: 'applied', version: 2, token: 9n })
  expectEqual(
    revived.filter(({ type }) => type === 'ended' || type === 'renewed').map(({ type }) => type),
    ['ended'],
    'news of a leadership whose renewal came after its deadline',
  )
}

/** Its news and the answers come on two connections. */
function hearsWhatAWatchTells(): void {
  const candidate = new Machine()
  candidate.input({ type: 'start' })
  candidate.input({ type: 'hint', seen: { record: { ...foreign, holder: '' }, version: 8, token: 1n } })
  expect(
    candidate.sees(foreign, 7).some(({ type }) => type === 'read'),
    'a release that was told of during a read is forgotten',
  )
  const holder = new Machine()
  holder.input({ type: 'start' })
  holder.sees(null, 0)
  holder.wrote(0, { is: 'applied', version: 1, token: 9n })
  holder.nowMs = 300
  holder.input({ type: 'timer', timer: 'renew' })
  const news = holder.input({ type: 'hint', seen: { record: foreign, version: 8, token: 10n } })
  expect(
    news.some(({ type }) => type === 'ended'),
    'a holder goes on beside another one while its renewal hangs',
  )
}

function looksUpWhatMayHaveLanded(): void {
  const machine = new Machine()
  machine.input({ type: 'start' })
  machine.sees(null, 0)
  machine.wrote(0, { is: 'unknown' })
  machine.sees(null, 0)
  machine.wrote(0, { is: 'conflict' })
  machine.input({ type: 'read-done', request: 99, outcome: { is: 'failed', error: null } })
  const effects = machine.input({ type: 'leave' })
  expect(!told(effects, 'left'), 'who leaves does not look up the write whose answer was lost')
}

function writes(effects: readonly LeaseEffect<number>[]): boolean {
  return effects.some(({ type }) => type === 'write')
}

function told(effects: readonly LeaseEffect<number>[], what: LeaseEffect<number>['type']): boolean {
  return effects.some(({ type }) => type === what)
}
