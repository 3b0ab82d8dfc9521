/** Bounds within which Paxos is explored; a model widens what it is about. */
import type { PaxosBounds } from './paxos-model.ts'

export const everybody = [
  [0, 1, 2],
  [0, 1, 2],
] as const

/** Two majorities, with one acceptor in both. */
export const overlapping = [
  [0, 1],
  [1, 2],
] as const

export const oneInstant: PaxosBounds = {
  keepalives: [0, 0],
  tops: [0, 0],
  rounds: [1, 1],
  leaves: [0, 0],
  reached: overlapping,
  crashes: 0,
  stops: false,
  leaseMs: 0.5,
  endsAt: 0,
}
