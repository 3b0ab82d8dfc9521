/**
 * Counting majorities, for one set of voters or for two at once during a joint change (Dissertation §4.3): then each
 * set must agree on its own. A voter listed twice counts once; what strangers say counts nothing.
 */
import type { Configuration, PeerId, VoteResult } from './types.ts'

/** The least number of voters that any two such groups share a member of. */
export function majoritySize(count: number): number {
  return Math.floor(count / 2) + 1
}

/** Every voter in force, once, sorted: the order in which all peers walk them. */
export function voters(configuration: Configuration): PeerId[] {
  return [...new Set([...configuration.voters, ...(configuration.outgoing ?? [])])].toSorted(byCodeUnits)
}

/**
 * Whether the votes cast so far decide. A missing voter is undecided, so `pending` may still become either. A set
 * without voters decides nothing: it stays `pending`, because nobody could ever be asked.
 */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<PeerId, boolean>): VoteResult {
  let result: VoteResult = 'won'
  for (const set of voterSets(configuration)) {
    const ofSet = voteResultOfSet(set, votes)
    // One set that can no longer agree decides for both.
    if (ofSet === 'lost') return 'lost'
    if (ofSet === 'pending') result = 'pending'
  }
  return result
}

/**
 * The highest value that a majority of each set of voters has reached: with two sets the lower of the two, since what
 * counts must be reached by both. A set without voters has reached nothing (`-Infinity`).
 */
export function quorumIndex(configuration: Configuration, indexOf: (peer: PeerId) => number): number {
  let lowest = Infinity
  for (const set of voterSets(configuration)) lowest = Math.min(lowest, indexOfMajority(set, indexOf))
  return lowest
}

/** Counted for every acknowledgement: sorted in place, in a list that is as long as a cluster has voters. */
function indexOfMajority(set: readonly PeerId[], indexOf: (peer: PeerId) => number): number {
  const descending: number[] = []
  for (const peer of set) {
    const index = indexOf(peer)
    let place = descending.length
    descending.push(index)
    for (; place > 0 && (descending[place - 1] as number) < index; place--) {
      descending[place] = descending[place - 1] as number
    }
    descending[place] = index
  }
  return descending[majoritySize(set.length) - 1] ?? -Infinity
}

/** Configurations never change, and each is asked for its sets many times a second. */
const setsOf = new WeakMap<Configuration, readonly (readonly PeerId[])[]>()

function voterSets(configuration: Configuration): readonly (readonly PeerId[])[] {
  const known = setsOf.get(configuration)
  if (known !== undefined) return known
  const { voters: incoming, outgoing } = configuration
  const sets = [[...new Set(incoming)]]
  if (outgoing !== undefined) sets.push([...new Set(outgoing)])
  setsOf.set(configuration, sets)
  return sets
}

function voteResultOfSet(set: readonly PeerId[], votes: ReadonlyMap<PeerId, boolean>): VoteResult {
  let yes = 0
  let no = 0
  for (const peer of set) {
    const vote = votes.get(peer)
    if (vote === true) yes += 1
    else if (vote === false) no += 1
  }
  const needed = majoritySize(set.length)
  if (yes >= needed) return 'won'
  // With an even number of voters half of them refusing is enough: the rest is no majority any more.
  return set.length > 0 && set.length - no < needed ? 'lost' : 'pending'
}

/** Not `localeCompare`: its answer depends on the machine. */
function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
