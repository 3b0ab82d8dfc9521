/** One peer of the Raft model: the core, its disk, and what waits between the two. Never written once it is numbered. */
import { cloneRaft, createRaft } from '../../protocols/raft/state.ts'
import type { Raft } from '../../protocols/raft/state.ts'
import type { Entry, HardState, RaftEffect, RaftInput, RaftMessage } from '../../protocols/raft/types.ts'
import { canonical } from './interner.ts'

export type Step = (raft: Raft<string>, input: RaftInput<string>) => RaftEffect<string>[]
type Persist = Extract<RaftEffect<string>, { type: 'persist' }>

export interface Disk {
  readonly hardState: HardState
  readonly entries: readonly Entry<string>[]
}

export interface Process {
  readonly raft: Raft<string>
  readonly disk: Disk
  /** Asked for, not durable yet; the disk finishes them in order. */
  readonly writes: readonly Persist[]
  readonly gated: readonly {
    readonly after: number
    readonly to: string
    readonly message: RaftMessage<string>
  }[]
}

export interface Letter {
  readonly from: string
  readonly to: string
  readonly message: RaftMessage<string>
}

/** What a step did. */
export interface Outcome {
  readonly process: Process
  /** That left for the network. */
  readonly sent: readonly Letter[]
  readonly effects: readonly RaftEffect<string>[]
}

/**
 * `asked`: as in life. `granted`: every pre-vote is granted, no voter is bound by stickiness, and a leader may lose its
 * quorum at any time. Those three only restrict who stands and who votes when; without them everything that could happen
 * still can, and more, so a claim that holds here holds there, in far fewer states.
 */
export type PreVotes = 'asked' | 'granted'

const emptyDisk: Disk = { hardState: { term: 0, votedFor: null }, entries: [] }

export function firstStart(options: Raft<string>['options'], step: Step): Outcome {
  return started(options, emptyDisk, step)
}

/** One input for the core. */
export function fed(process: Process, input: RaftInput<string>, step: Step): Outcome {
  const raft = cloneRaft(process.raft)
  return carriedOut(raft, step(raft, input), { ...process, raft })
}

/** The election timer fires until there is an election, and everybody grants the pre-vote. */
export function standing(process: Process, step: Step): Outcome {
  const raft = cloneRaft(process.raft)
  const effects = step(raft, { type: 'timer', timer: 'election' })
  for (const from of raft.others) {
    if (raft.role.name !== 'pre-candidate') break
    const message = { type: 'pre-vote-reply', term: raft.term + 1, granted: true } as const
    effects.push(...step(raft, { type: 'message', from, message }))
  }
  const shown = effects.filter((effect) => effect.type !== 'send' || effect.message.type !== 'pre-vote')
  return carriedOut(raft, shown, { ...process, raft })
}

/** Without what only restricts elections: see `PreVotes`. */
export function unrestricted(outcome: Outcome): Outcome {
  const { raft } = outcome.process
  raft.heardLeader = false
  raft.electionStage = 'spread'
  // Who succeeds whom is asked only on evidence of a death.
  raft.successors = []
  if (raft.role.name === 'leader') for (const progress of raft.role.progress.values()) progress.active = false
  return outcome
}

/**
 * Without answers to what is old, and refusals: whoever lags behind may learn of a newer term at any time here, and a
 * vote refused in its own term, or the answer to a heartbeat of one's own term, teaches nobody anything.
 */
export function withoutRefusals(
  effects: readonly RaftEffect<string>[],
  input: RaftInput<string>,
): RaftEffect<string>[] {
  if (input.type !== 'message') return [...effects]
  const { term } = input.message
  return effects.filter((effect) => {
    if (effect.type !== 'send' || effect.to !== input.from) return true
    const { message } = effect
    switch (message.type) {
      case 'heartbeat-reply':
        return false
      case 'vote-reply':
        return message.granted
      case 'append-reply':
        return message.accepted || message.term === term
      default:
        return true
    }
  })
}

/**
 * Whether a letter can do nothing any more, now or ever: its term is over for the receiver and its disk, or it answers
 * a role of this term that the receiver gave up for good (a candidate of a term is made once, and leads only then).
 */
export function isDead({ raft, disk }: Process, { message }: Letter): boolean {
  const { term } = disk.hardState
  if (message.term !== term) return message.term < term
  if (message.type === 'vote-reply') return raft.term > term || raft.role.name !== 'candidate'
  if (message.type !== 'append-reply') return false
  return raft.term > term || (raft.role.name !== 'leader' && raft.role.name !== 'candidate')
}

/** The oldest write becomes durable, and the core is told. */
export function written(process: Process, step: Step): Outcome | null {
  const [write, ...writes] = process.writes
  if (write === undefined) return null
  const free = process.gated.filter(({ after }) => after <= write.sequence)
  const gated = process.gated.filter(({ after }) => after > write.sequence)
  const raft = cloneRaft(process.raft)
  const effects = step(raft, { type: 'persisted', sequence: write.sequence })
  const outcome = carriedOut(raft, effects, { raft, disk: onDisk(process.disk, write), writes, gated })
  const released = free.map(({ to, message }) => ({ from: raft.self, to, message }))
  return { ...outcome, sent: [...released, ...outcome.sent] }
}

/** The disk finishes everything at once. */
export function promptly(outcome: Outcome, step: Step): Outcome {
  let { process } = outcome
  const sent = [...outcome.sent]
  const effects = [...outcome.effects]
  for (let next = written(process, step); next !== null; next = written(process, step)) {
    process = next.process
    sent.push(...next.sent)
    effects.push(...next.effects)
  }
  return { process, sent, effects }
}

/** The process dies and starts again; the first `durable` of its writes had reached the disk unnoticed. */
export function crashed(process: Process, durable: number, step: Step): Outcome | null {
  if (durable > process.writes.length) return null
  const disk = process.writes.slice(0, durable).reduce(onDisk, process.disk)
  return started(process.raft.options, disk, step)
}

function started(options: Raft<string>['options'], disk: Disk, step: Step): Outcome {
  const raft = createRaft<string>(options, disk)
  const effects = step(raft, { type: 'start' })
  return carriedOut(raft, effects, { raft, disk, writes: [], gated: [] })
}

function onDisk(disk: Disk, { hardState, entries }: Persist): Disk {
  const first = entries?.[0]
  return {
    hardState: hardState ?? disk.hardState,
    entries:
      entries === undefined || first === undefined
        ? disk.entries
        : [...disk.entries.slice(0, first.index - 1), ...entries],
  }
}

function carriedOut(raft: Raft<string>, effects: readonly RaftEffect<string>[], before: Process): Outcome {
  const writes = [...before.writes]
  const gated = [...before.gated]
  const sent: Letter[] = []
  for (const effect of effects) {
    if (effect.type === 'persist') writes.push(effect)
    if (effect.type !== 'send') continue
    const { to, message, after } = effect
    if (after === undefined) sent.push({ from: raft.self, to, message })
    else gated.push({ after, to, message })
  }
  return { process: renumbered({ raft, disk: before.disk, writes, gated }), sent, effects }
}

/**
 * Writes are numbered from the newest durable one on, and what only ever grows is cut off where it means nothing more:
 * the core compares such numbers and knows no others, so two processes that differ in nothing else behave the same.
 */
function renumbered({ raft, disk, writes, gated }: Process): Process {
  const base = raft.durableSequence
  const from = (sequence: number): number => Math.max(0, sequence - base)
  raft.sequence -= base
  raft.durableSequence = 0
  raft.hardSequence = from(raft.hardSequence)
  for (const write of raft.pendingWrites) Object.assign(write, { sequence: from(write.sequence) })
  const { role } = raft
  if (role.name === 'candidate') raft.role = { ...role, voteSequence: from(role.voteSequence) }
  // Only the first round is told from the others.
  if (role.name === 'pre-candidate') raft.role = { ...role, rounds: Math.min(role.rounds, 2) }
  // Two silent beats mean as much as three.
  if (role.name === 'leader') {
    for (const progress of role.progress.values()) progress.silentBeats = Math.min(progress.silentBeats, 2)
  }
  return {
    raft,
    disk,
    writes: writes.map((write) => ({ ...write, sequence: from(write.sequence) })),
    gated: distinct(gated.map((one) => ({ ...one, after: from(one.after) }))),
  }
}

/** The network is a set, so what waits for it is one too. */
function distinct(gated: Process['gated']): Process['gated'] {
  const byText = new Map(gated.map((one) => [canonical(one), one]))
  return [...byText].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, one]) => one)
}

/** Everything that decides what the process will do. */
export function keyOf({ raft, disk, writes, gated }: Process): string {
  const { options: _options, others: _others, ...rest } = raft
  return canonical([rest, disk, writes, gated])
}
