/**
 * The holder's side of support (DESIGN §4.1 A3). It keeps the instant before each keepalive left; what a majority of
 * the voters acknowledged tells since when the session is surely supported, and from that instant the deadline of all
 * its time-mode leaderships is counted. Keepalives are numbered in the order of sending, so numbers stand for instants
 * and the kind of instant stays open.
 */
import { MandateError } from '../../errors.ts'
import { quorumIndex } from '../quorum/majority.ts'
import type { Configuration, PeerId } from '../quorum/types.ts'
import type { KeepaliveAck, KeepaliveRefusal } from './types.ts'

export interface HolderOptions {
  /** All in force: during a joint change both majorities must support. */
  readonly configuration: Configuration
  /** As opened. */
  readonly epoch: number
}

export interface Holder<Instant> {
  configuration: Configuration
  epoch: number
  lastSequence: number
  /** Instants that may still become the supported one, by number, oldest first. */
  readonly sent: Map<number, Instant>
  /** The highest number each voter acknowledged in the current epoch. */
  readonly acknowledged: Map<PeerId, number>
  readonly incarnations: Map<PeerId, number>
  /** Voters that refuse the current epoch. */
  readonly refusals: Map<PeerId, KeepaliveRefusal['reason']>
  supported: { readonly sequence: number; readonly since: Instant } | null
  isVoid: boolean
}

/** Older ones are far past any deadline: at ten keepalives a lease this is a hundred leases. */
const keptInstants = 1_024

export function createHolder<Instant>({ configuration, epoch }: HolderOptions): Holder<Instant> {
  return {
    configuration,
    epoch,
    lastSequence: 0,
    sent: new Map(),
    acknowledged: new Map(),
    incarnations: new Map(),
    refusals: new Map(),
    supported: null,
    isVoid: false,
  }
}

/**
 * A keepalive is about to leave; `instant` was read before. Numbers grow over the whole session, whatever the epoch.
 * @throws INTERNAL for a number that does not.
 */
export function sent<Instant>(holder: Holder<Instant>, sequence: number, instant: Instant): void {
  if (!(Number.isSafeInteger(sequence) && sequence > holder.lastSequence)) {
    const reason = `keepalive ${sequence} follows ${holder.lastSequence}; number them upwards`
    throw new MandateError('INTERNAL', `Keepalives are out of order: ${reason}.`, { reason })
  }
  holder.lastSequence = sequence
  holder.sent.set(sequence, instant)
  for (const oldest of holder.sent.keys()) {
    if (holder.sent.size <= keptInstants) return
    holder.sent.delete(oldest)
  }
}

/** True if the deadline moved. Repeated, late and foreign acknowledgements change nothing. */
export function acknowledged<Instant>(
  holder: Holder<Instant>,
  { voter, voterIncarnation, epoch, sequence }: Omit<KeepaliveAck, 'type' | 'session'>,
): boolean {
  if (holder.isVoid || epoch !== holder.epoch || sequence > holder.lastSequence) return false
  // An earlier life of the voter. Its promise is kept by the later one, which counts silence from its own start; but
  // whether there is one record behind both lives is not for the holder to judge, so it relies on the later only.
  if (voterIncarnation < (holder.incarnations.get(voter) ?? voterIncarnation)) return false
  holder.incarnations.set(voter, voterIncarnation)
  if (sequence <= (holder.acknowledged.get(voter) ?? 0)) return false
  holder.acknowledged.set(voter, sequence)
  return advance(holder)
}

/** Since when the session is supported by a majority; null: never was, or it is void. Never goes back. */
export function supportedSince<Instant>(holder: Holder<Instant>): Instant | null {
  return holder.isVoid ? null : (holder.supported?.since ?? null)
}

/** What the voter acknowledged before stands: it withdrew only after the session was silent for its lease. */
export function refused<Instant>(
  holder: Holder<Instant>,
  { voter, epoch, reason }: Omit<KeepaliveRefusal, 'type' | 'session'>,
): void {
  if (epoch === holder.epoch) holder.refusals.set(voter, reason)
}

/**
 * The log moved the session to a new epoch, its grants with it (A5). The deadline that was reached under the old one
 * stands until it passes: an expiry of the old epoch is ignored from this entry on, and one of the new epoch needs a
 * majority that heard nothing for a lease in any epoch, one of whom acknowledged what this deadline is made of.
 */
export function reopened<Instant>(holder: Holder<Instant>, epoch: number): void {
  if (epoch <= holder.epoch) return
  holder.epoch = epoch
  holder.acknowledged.clear()
  holder.refusals.clear()
}

/**
 * A voter of this cluster withdrew for good, so one failure more may end the session: time to reopen (A5). Also when a
 * majority withdrew: then the deadline is past, but a session whose expiry got lost with an arbiter can be supported
 * again only in a new epoch, and the order in the log decides between the two. False when the session is over.
 */
export function isEndangered<Instant>(holder: Holder<Instant>): boolean {
  if (holder.isVoid) return false
  let endangered = false
  const { voters, outgoing = [] } = holder.configuration
  for (const [voter, reason] of holder.refusals) {
    if (!voters.includes(voter) && !outgoing.includes(voter)) continue
    // Superseded and closed sessions are not reopened; `reopened` means that it happened already.
    if (reason !== 'withdrawn') return false
    endangered = true
  }
  return endangered
}

/** The session ends, or is given up: nothing that arrives later can support it. */
export function voidSupport<Instant>(holder: Holder<Instant>): void {
  holder.isVoid = true
  holder.sent.clear()
}

function advance<Instant>(holder: Holder<Instant>): boolean {
  const sequence = quorumIndex(holder.configuration, (voter) => holder.acknowledged.get(voter) ?? 0)
  if (sequence <= (holder.supported?.sequence ?? 0)) return false
  const since = holder.sent.get(sequence)
  if (since === undefined) return false
  holder.supported = { sequence, since }
  // The supported instant never goes back, so everything up to it has done its work.
  for (const older of holder.sent.keys()) {
    if (older > sequence) break
    holder.sent.delete(older)
  }
  return true
}
