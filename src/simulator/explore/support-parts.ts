/** The voter and the holder of the support model, as values: copied before each step, times counted from now. */
import { grantorSilenceMs } from '../../lease/deadline.ts'
import type { Holder } from '../../protocols/support/holder.ts'
import type {
  LeaseBounds,
  SupportMessage,
  VoterEffect,
  VoterInput,
  Withdrawal,
} from '../../protocols/support/types.ts'
import { createVoter, stepVoter, type Voter } from '../../protocols/support/voter.ts'

export const session = 's'
/** Clocks may run at half or at one and a half of true time, so that few instants tell the two sides apart. */
export const drift = 0.5
/** What a clock counts in one step of true time, which is 2 ms long. */
export const slow = 1
export const fast = 3

export interface VoterProcess {
  readonly name: string
  readonly rate: number
  /** The present reading; every other instant lies at or before it, but `wakeAt`. */
  readonly now: number
  readonly voter: Voter
  readonly disk: readonly Withdrawal[]
  readonly writes: readonly Extract<VoterEffect, { type: 'persist' }>[]
  readonly gated: readonly { readonly after: number; readonly message: SupportMessage }[]
  /** Entries of the log. */
  readonly applied: number
}

export interface HolderProcess {
  readonly rate: number
  readonly now: number
  readonly holder: Holder<number>
}

/** What time means in one model. */
export interface Times extends LeaseBounds {
  readonly leaseMs: number
}

/** What a test may break. */
export interface SupportRules {
  readonly step: typeof stepVoter
  /** What a restarted voter finds on its disk. */
  recovered(disk: readonly Withdrawal[]): readonly Withdrawal[]
  /** Whether a message waits for the disk. */
  readonly gates: boolean
  readonly voterBounds: LeaseBounds
  readonly holderBounds: LeaseBounds
  /** Whether an expiry of this epoch ends a session of that one. */
  expires(epoch: number, present: number): boolean
  /** Counted from the sending of a keepalive, or from when its answer came. */
  readonly counts: 'from sending' | 'from the answer'
}

export function supportRules(tickMs: number): SupportRules {
  const bounds = { maxClockDrift: drift, tickMs }
  return {
    step: stepVoter,
    recovered: (disk) => disk,
    gates: true,
    voterBounds: bounds,
    holderBounds: bounds,
    expires: (epoch, present) => epoch === present,
    counts: 'from sending',
  }
}

/** A clock shows multiples of its tick. */
export function shown(now: number, { tickMs }: LeaseBounds): number {
  return tickMs === 0 ? now : Math.floor(now / tickMs) * tickMs
}

export interface VoterOutcome {
  readonly process: VoterProcess
  readonly sent: readonly SupportMessage[]
}

export function stepped(
  process: VoterProcess,
  input: VoterInput,
  rules: SupportRules,
  tick: Times,
): VoterOutcome {
  const voter = cloneVoter(process.voter)
  const effects = rules.step(voter, input, shown(process.now, tick))
  if (input.type === 'withdraw-request')
    effects.push(...rules.step(voter, { type: 'wake' }, shown(process.now, tick)))
  const writes = [...process.writes]
  const gated = [...process.gated]
  const sent: SupportMessage[] = []
  for (const effect of effects) {
    if (effect.type === 'persist') writes.push(effect)
    if (effect.type !== 'send') continue
    const isDurable =
      effect.after === undefined || !writes.some(({ sequence }) => sequence <= (effect.after ?? 0))
    if (isDurable || !rules.gates) sent.push(effect.message)
    else if (!gated.some(({ message }) => JSON.stringify(message) === JSON.stringify(effect.message))) {
      gated.push({ after: effect.after ?? 0, message: effect.message })
    }
  }
  return { process: { ...process, voter: essential(voter, tick), writes, gated }, sent }
}

/**
 * Of all instants a voter acts on the newest alone (`silentSince`), and a request that it parks may as well come again
 * later: what makes no difference to its steps makes none to the state.
 */
function essential(voter: Voter, tick: Times): Voter {
  const oldest = longAgo(tick)
  for (const open of voter.sessions.values()) {
    open.openedAt = Math.max(oldest, open.openedAt, open.heardAt ?? oldest, voter.startedAt)
    open.heardAt = null
  }
  voter.parked.clear()
  return { ...voter, startedAt: oldest, wakeAt: null }
}

/** Silence beyond this is no longer told apart. */
function longAgo(tick: Times): number {
  return -(grantorSilenceMs(tick.leaseMs, tick) + tick.tickMs)
}

/** The oldest record becomes durable. */
export function recorded(process: VoterProcess): VoterOutcome | null {
  const [write, ...writes] = process.writes
  if (write === undefined) return null
  const free = process.gated.filter(({ after }) => after <= write.sequence)
  const gated = process.gated.filter(({ after }) => after > write.sequence)
  const disk = [...process.disk, write.withdrawal]
  return { process: { ...process, disk, writes, gated }, sent: free.map(({ message }) => message) }
}

export function started(
  {
    name,
    rate,
    now,
    disk,
    voter,
  }: Omit<VoterProcess, 'writes' | 'gated' | 'applied' | 'voter'> & { readonly voter: Voter | null },
  rules: SupportRules,
  tick: Times,
): VoterProcess {
  const created = createVoter({
    self: name,
    incarnation: (voter?.incarnation ?? 0) + 1,
    bounds: rules.voterBounds,
    startedAt: shown(now, tick),
    withdrawals: rules.recovered(disk),
  })
  return { name, rate, now, voter: created, disk, writes: [], gated: [], applied: 0 }
}

/** Time passes; instants move into the past, and beyond the longest silence that counts all are alike. */
export function later(process: VoterProcess, tick: Times): VoterProcess {
  const now = process.now + process.rate
  const period = tick.tickMs === 0 ? 1 : tick.tickMs
  const shift = now - (now % period)
  const oldest = longAgo(tick)
  const voter = cloneVoter(process.voter)
  for (const open of voter.sessions.values()) open.openedAt = Math.max(oldest, open.openedAt - shift)
  return {
    ...process,
    now: now - shift,
    voter: { ...voter, startedAt: Math.max(oldest, voter.startedAt - shift) },
  }
}

export function holderLater({ rate, now: before, holder }: HolderProcess, tick: Times): HolderProcess {
  const now = before + rate
  const period = tick.tickMs === 0 ? 1 : tick.tickMs
  const shift = now - (now % period)
  const oldest = -(tick.leaseMs + tick.tickMs)
  const moved = (at: number): number => Math.max(oldest, at - shift)
  const copy = cloneHolder(holder)
  for (const [sequence, at] of copy.sent) copy.sent.set(sequence, moved(at))
  if (copy.supported !== null) copy.supported = { ...copy.supported, since: moved(copy.supported.since) }
  return { rate, now: now - shift, holder: copy }
}

function cloneVoter(voter: Voter): Voter {
  return {
    ...voter,
    sessions: new Map([...voter.sessions].map(([key, open]) => [key, { ...open }])),
    withdrawn: new Map(voter.withdrawn),
    parked: new Map([...voter.parked].map(([key, requests]) => [key, new Map(requests)])),
  }
}

export function cloneHolder(holder: Holder<number>): Holder<number> {
  return {
    ...holder,
    sent: new Map(holder.sent),
    acknowledged: new Map(holder.acknowledged),
    incarnations: new Map(holder.incarnations),
    refusals: new Map(holder.refusals),
  }
}
