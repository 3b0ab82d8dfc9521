import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { majoritySize, quorumIndex, voteResult, voters } from './majority.ts'
import type { Configuration, PeerId, VoteResult } from './types.ts'

const vote = (configuration: Configuration, ballots: string): VoteResult =>
  voteResult(configuration, ballotsOf(configuration, ballots))

/** One letter for each voter of the sorted union: y, n or - (not yet). */
function ballotsOf(configuration: Configuration, ballots: string): Map<PeerId, boolean> {
  const cast = new Map<PeerId, boolean>()
  for (const [place, peer] of voters(configuration).entries()) {
    if (ballots[place] === 'y') cast.set(peer, true)
    if (ballots[place] === 'n') cast.set(peer, false)
  }
  return cast
}

describe('majoritySize', () => {
  it('is more than half', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(majoritySize)).toEqual([1, 2, 2, 3, 3, 4, 4])
  })
})

describe('voters', () => {
  it('is the sorted union of both sets, each peer once, and leaves its input alone', () => {
    const configuration = { voters: ['c', 'a', 'c'], outgoing: ['b', 'a'] }
    expect(voters(configuration)).toEqual(['a', 'b', 'c'])
    expect(configuration).toEqual({ voters: ['c', 'a', 'c'], outgoing: ['b', 'a'] })
  })

  it('sorts by code units, so that every machine walks the peers in one order', () => {
    expect(voters({ voters: ['b', 'B', 'ä', 'a'] })).toEqual(['B', 'a', 'b', 'ä'])
  })
})

describe('voteResult, truth tables', () => {
  it.each([
    ['one', { voters: ['a'] }, { '-': 'pending', y: 'won', n: 'lost' }],
    [
      'two',
      { voters: ['a', 'b'] },
      { '--': 'pending', 'y-': 'pending', 'n-': 'lost', yn: 'lost', yy: 'won', nn: 'lost' },
    ],
    [
      'three',
      { voters: ['a', 'b', 'c'] },
      {
        '---': 'pending',
        'y--': 'pending',
        'n--': 'pending',
        'yn-': 'pending',
        'yy-': 'won',
        'nn-': 'lost',
        yny: 'won',
        ynn: 'lost',
      },
    ],
    [
      'four',
      { voters: ['a', 'b', 'c', 'd'] },
      {
        'yy--': 'pending',
        'yyn-': 'pending',
        yynn: 'lost',
        'nn--': 'lost',
        'yyy-': 'won',
        'n---': 'pending',
      },
    ],
    [
      'joint {a,b,c} and {c,d,e}',
      { voters: ['a', 'b', 'c'], outgoing: ['c', 'd', 'e'] },
      {
        '-----': 'pending',
        'yy---': 'pending',
        'yyy--': 'pending',
        'yyyy-': 'won',
        'yy-yy': 'won',
        'nn---': 'lost',
        '---nn': 'lost',
        'yy-nn': 'lost',
        'yynn-': 'lost',
        'yyn--': 'pending',
      },
    ],
  ] satisfies [string, Configuration, Record<string, VoteResult>][])('%s', (_size, configuration, table) => {
    for (const [ballots, expected] of Object.entries(table)) {
      expect({ ballots, result: vote(configuration, ballots) }).toEqual({ ballots, result: expected })
    }
  })

  it('counts a voter once though it is listed twice, and strangers never', () => {
    const configuration = { voters: ['a', 'a', 'b', 'c'] }
    expect(voteResult(configuration, new Map([['a', true]]))).toBe('pending')
    const strangers = new Map([
      ['a', true],
      ['x', true],
      ['y', true],
    ])
    expect(voteResult(configuration, strangers)).toBe('pending')
  })

  it('decides nothing without voters', () => {
    expect(voteResult({ voters: [] }, new Map([['a', true]]))).toBe('pending')
    expect(voteResult({ voters: ['a'], outgoing: [] }, new Map([['a', true]]))).toBe('pending')
  })
})

describe('quorumIndex, golden values', () => {
  it.each([
    [{ voters: ['a'] }, { a: 7 }, 7],
    [{ voters: ['a', 'b'] }, { a: 7, b: 3 }, 3],
    [{ voters: ['a', 'b', 'c'] }, { a: 7, b: 3, c: 5 }, 5],
    [{ voters: ['a', 'b', 'c'] }, { a: 10, b: 9, c: 100 }, 10],
    [{ voters: ['a', 'b', 'c', 'd'] }, { a: 1, b: 2, c: 3, d: 4 }, 2],
    [{ voters: ['a', 'b', 'c'], outgoing: ['c', 'd', 'e'] }, { a: 9, b: 8, c: 5, d: 4, e: 1 }, 4],
    [{ voters: ['c', 'd', 'e'], outgoing: ['a', 'b', 'c'] }, { a: 9, b: 8, c: 5, d: 4, e: 1 }, 4],
    [{ voters: ['a', 'a', 'b', 'c'] }, { a: 9, b: 2, c: 1 }, 2],
    [{ voters: ['a', 'b', 'c'] }, { a: 9, b: 8, c: -Infinity }, 8],
    [{ voters: [] }, {}, -Infinity],
  ] satisfies [Configuration, Record<string, number>, number][])(
    '%o with %o is %d',
    (configuration, at, expected) => {
      const known: Record<string, number> = at
      expect(quorumIndex(configuration, (peer) => known[peer] ?? 0)).toBe(expected)
    },
  )
})

/** The second, dumb implementation: enumerate every group of voters and ask which of them are majorities. */
function groupsThatDecide(set: readonly PeerId[]): PeerId[][] {
  const members = [...new Set(set)]
  const groups: PeerId[][] = []
  for (let mask = 0; mask < 1 << members.length; mask += 1) {
    const group = members.filter((_, bit) => (mask & (1 << bit)) !== 0)
    if (group.length * 2 > members.length) groups.push(group)
  }
  return groups
}

const setsOf = (configuration: Configuration): (readonly PeerId[])[] =>
  configuration.outgoing === undefined
    ? [configuration.voters]
    : [configuration.voters, configuration.outgoing]

function dumbVoteResult(configuration: Configuration, votes: ReadonlyMap<PeerId, boolean>): VoteResult {
  const wins = (unknownCountsAs: boolean): boolean =>
    setsOf(configuration).every((set) =>
      groupsThatDecide(set).some((group) => group.every((peer) => votes.get(peer) ?? unknownCountsAs)),
    )
  return wins(false) ? 'won' : wins(true) ? 'pending' : 'lost'
}

function dumbQuorumIndex(configuration: Configuration, indexOf: (peer: PeerId) => number): number {
  const candidates = voters(configuration).map(indexOf)
  const reached = candidates.filter((value) =>
    setsOf(configuration).every((set) =>
      groupsThatDecide(set).some((group) => group.every((peer) => indexOf(peer) >= value)),
    ),
  )
  return Math.max(...reached)
}

describe('against a second implementation that enumerates every group', () => {
  const someSet = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 7 })
  const someConfiguration: fc.Arbitrary<Configuration> = fc.oneof(
    someSet.map((set) => ({ voters: set })),
    fc.tuple(someSet, someSet).map(([set, outgoing]) => ({ voters: set, outgoing })),
  )

  it('voteResult agrees', () => {
    const someVotes = fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'x', 'y'), fc.boolean()),
    )
    fc.assert(
      fc.property(someConfiguration, someVotes, (configuration, cast) => {
        const votes = new Map(cast)
        expect(voteResult(configuration, votes)).toBe(dumbVoteResult(configuration, votes))
      }),
      { numRuns: 500 },
    )
  })

  it('quorumIndex agrees', () => {
    const someIndexes = fc.record(
      { a: fc.nat(20), b: fc.nat(20), c: fc.nat(20), d: fc.nat(20), e: fc.nat(20), f: fc.nat(20) },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(someConfiguration, someIndexes, (configuration, indexes) => {
        const known: Record<string, number> = indexes
        const indexOf = (peer: PeerId): number => known[peer] ?? 0
        expect(quorumIndex(configuration, indexOf)).toBe(dumbQuorumIndex(configuration, indexOf))
      }),
      { numRuns: 500 },
    )
  })

  it('a decided vote stays decided whatever the others say', () => {
    const someVotes = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.boolean()))
    fc.assert(
      fc.property(someConfiguration, someVotes, someVotes, (configuration, first, later) => {
        const before = voteResult(configuration, new Map(first))
        // Nobody votes twice: the first vote of a peer wins.
        const after = voteResult(configuration, new Map([...later, ...first]))
        if (before !== 'pending') expect(after).toBe(before)
      }),
      { numRuns: 500 },
    )
  })
})
