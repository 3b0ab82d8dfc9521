/** What a seed runs: the whole stack, or the pure cores alone, without promises and at a multiple of its speed. */
export const levels = ['full', 'core'] as const
export type Level = (typeof levels)[number]

/** Which engine the peers run. */
export const protocols = ['raft', 'paxos', 'bully'] as const
export type Protocol = (typeof protocols)[number]
