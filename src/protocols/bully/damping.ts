/**
 * Damping of flaps, after RFC 2439: each end of a session of a candidate id costs it a penalty that halves with time. From
 * `suppressAt` on it counts as the lowest rank, until it is below `reuseAt` again. It hints only: no vote depends on it.
 */
interface Penalty {
  points: number
  at: number
  suppressed: boolean
}

export interface Damping {
  readonly halfLifeMs: number
  readonly penalties: Map<string, Penalty>
}

const suppressAt = 2.5
const reuseAt = 1
/** However long it flapped, it is back after so many half-lives. */
const pointsMax = 8
/** Ids beyond it are not watched. */
const idsMax = 10_000

export function createDamping(halfLifeMs: number): Damping {
  return { halfLifeMs, penalties: new Map() }
}

export function flapped(damping: Damping, id: string, now: number): void {
  const { penalties } = damping
  const penalty = decayed(damping, id, now) ?? { points: 0, at: now, suppressed: false }
  penalty.points = Math.min(pointsMax, penalty.points + 1)
  if (penalty.points >= suppressAt) penalty.suppressed = true
  if (penalties.has(id) || penalties.size < idsMax) penalties.set(id, penalty)
}

export function isSuppressed(damping: Damping, id: string, now: number): boolean {
  return decayed(damping, id, now)?.suppressed === true
}

function decayed({ halfLifeMs, penalties }: Damping, id: string, now: number): Penalty | undefined {
  const penalty = penalties.get(id)
  if (penalty === undefined) return undefined
  penalty.points *= 2 ** ((penalty.at - now) / halfLifeMs)
  penalty.at = now
  if (penalty.points >= reuseAt) return penalty
  if (penalty.points > 0.1) {
    penalty.suppressed = false
    return penalty
  }
  penalties.delete(id)
  return undefined
}
