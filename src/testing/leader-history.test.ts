import { describe, expect, it } from 'vitest'
import type { LossReason } from '../backends/backend.ts'
import type { Leadership } from '../election/leadership.ts'
import { leaderHistory } from './leader-history.ts'

/** A leadership as the history sees one, which does what the test says, right or wrong. */
class Held {
  valid = true
  readonly leadership: Leadership
  readonly #abort = new AbortController()
  #resolve!: (reason: LossReason) => void

  constructor(
    candidateId: string,
    token: bigint,
    o: Partial<Pick<Leadership, 'electionName' | 'exclusivity'>> = {},
  ) {
    const lost = new Promise<LossReason>((resolve) => (this.#resolve = resolve))
    const given = { candidateId, token, electionName: 'billing', exclusivity: 'time', ...o }
    const made: unknown = { ...given, signal: this.#abort.signal, lost, isValid: () => this.valid }
    this.leadership = made as Leadership
  }

  abort(): void {
    this.#abort.abort()
  }

  async loses(reason: LossReason = 'expired'): Promise<void> {
    this.valid = false
    this.abort()
    this.#resolve(reason)
    await this.leadership.lost
  }
}

function history() {
  let now = 0
  return leaderHistory({ now: () => (now += 10) })
}

describe('leaderHistory', () => {
  it('finds nothing wrong with one leader after the other', async () => {
    const seen = history()
    const [a, b] = [new Held('a', 3n), new Held('b', 5n)]
    seen.elected(a.leadership)
    seen.effect({ resource: 'ledger', token: 3n })
    await a.loses()
    seen.elected(b.leadership)
    seen.effect({ resource: 'ledger', token: 5n })
    seen.effect({ resource: 'ledger', token: 3n, accepted: false })
    expect(seen.violations).toEqual([])
    expect(() => seen.assertSafe()).not.toThrow()
    expect(seen.leading()).toEqual([b.leadership])
  })

  it('sees two that are valid at once, when it happens and when it is asked', () => {
    const seen = history()
    seen.elected(new Held('a', 3n).leadership)
    seen.elected(new Held('b', 5n).leadership)
    expect(() => seen.assertSafe()).toThrow(/'billing' has 2 valid leaderships: a with 3 and b with 5/)
  })

  it('lets two be valid in token mode, and in two elections', () => {
    const seen = history()
    const inTokenMode = { exclusivity: 'token' } as const
    seen.elected(new Held('a', 3n, inTokenMode).leadership)
    seen.elected(new Held('b', 5n, inTokenMode).leadership)
    seen.elected(new Held('a', 3n, { electionName: 'mail' }).leadership)
    expect(seen.violations).toEqual([])
  })

  it.each([
    ['a token twice', ['time', 3n, 3n], /token 3 of 'billing' was a's, and is b's/],
    ['a token twice in token mode', ['token', 3n, 3n], /token 3 of 'billing' was a's, and is b's/],
    ['a smaller token', ['time', 5n, 3n], /b leads 'billing' with 3, after 5/],
  ] as const)('sees %s', async (_what, [exclusivity, first, second], message) => {
    const seen = history()
    const a = new Held('a', first, { exclusivity })
    seen.elected(a.leadership)
    await a.loses()
    seen.elected(new Held('b', second, { exclusivity }).leadership)
    expect(() => seen.assertSafe()).toThrow(message)
  })

  it('sees a stale write that a resource takes', () => {
    const seen = history()
    seen.effect({ resource: 'ledger', token: 5n })
    seen.effect({ resource: 'mail', token: 3n })
    expect(seen.violations).toEqual([])
    seen.effect({ resource: 'ledger', token: 3n })
    expect(() => seen.assertSafe()).toThrow(/'ledger' took 3 after 5/)
  })

  it('sees work that goes on after its signal has aborted', async () => {
    const seen = history()
    const a = new Held('a', 3n)
    seen.elected(a.leadership)
    await a.loses()
    seen.effect({ resource: 'ledger', token: 3n, accepted: false })
    expect(seen.violations).toEqual([])
    seen.effect({ resource: 'ledger', token: 3n })
    expect(() => seen.assertSafe()).toThrow(/a wrote 'ledger' with 3 after its signal had aborted/)
  })

  it('sees a candidate that is elected again and did not lose', () => {
    const seen = history()
    const a = new Held('a', 3n)
    seen.elected(a.leadership)
    a.valid = false
    seen.elected(new Held('a', 5n).leadership)
    expect(() => seen.assertSafe()).toThrow(/a leads 'billing' with 5, and did not lose 3/)
  })

  it('sees news of a leadership that is not valid, and one that is valid after its signal aborted', () => {
    const seen = history()
    const late = new Held('a', 3n)
    late.valid = false
    seen.elected(late.leadership)
    const undead = new Held('b', 5n)
    seen.elected(undead.leadership)
    undead.abort()
    expect(seen.violations.map(({ message }) => message)).toEqual([
      "a was told that it leads 'billing' with 3, and is not valid",
      "b is valid in 'billing' although its signal has aborted",
    ])
  })

  it('tells the whole story in columns when something is wrong', async () => {
    const seen = history()
    const a = new Held('a', 3n)
    seen.elected(a.leadership)
    seen.note('the network fails')
    await a.loses('expired')
    seen.elected(new Held('b', 3n).leadership)
    seen.effect({ resource: 'ledger', token: 3n, note: 'invoice 7' })
    expect(String(seen).split('\n')).toEqual([
      '        ms  a                       b',
      '      10.0  leads billing with 3',
      '      20.0  -- the network fails',
      '      30.0  loses billing: expired',
      '      40.0                          leads billing with 3',
      "      60.0  -- VIOLATION: token 3 of 'billing' was a's, and is b's",
      '      70.0                          writes ledger with 3: invoice 7',
    ])
  })
})
