import { describe, expect, it } from 'vitest'
import {
  armed,
  foreign,
  free,
  leading,
  machine,
  own,
  SILENCE_MS,
  the,
  types,
} from '../testing/lease-machine.ts'

const seen = (record: typeof foreign | null, version: number) => ({ record, version, token: BigInt(version) })

describe('a candidate that a watch tells what there is', () => {
  it('takes a released record without asking, on the version that it was told', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(foreign, 5)
    const effects = m.hint(seen(free, 6))
    expect(types(effects)).toEqual(['disarm', 'write'])
    expect(the(effects, 'write').expect).toBe(6)
  })

  it('waits anew for a record that was renewed, from when it was told', () => {
    const m = machine({ pollMs: 100_000 })
    m.input({ type: 'start' })
    m.sees(foreign, 5)
    m.at(1_000)
    expect(types(m.hint(seen(foreign, 6)))).toEqual(['disarm', 'arm'])
    m.at(1_000 + SILENCE_MS - 1)
    expect(types(m.timer('look'))).toEqual(['read'])
  })

  it('looks again where an answer may be older than what it was told while it read', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.hint(seen(free, 6))
    expect(types(m.sees(foreign, 5))).toEqual(['read'])
    expect(the(m.sees(free, 6), 'write').expect).toBe(6)
  })

  it('does not look again where the answer shows what it was told', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.hint(seen(foreign, 5))
    expect(types(m.sees(foreign, 5))).toEqual(['waiting', 'arm'])
  })

  it('looks again after a hint that says nothing, but not before taking what is free', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.hint()
    expect(types(m.sees(foreign, 5))).toEqual(['read'])
    m.hint()
    expect(types(m.sees(free, 6))).toEqual(['write'])
  })

  it('asks at once who holds the record, if it was shown another holder while its acquisition was under way', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.hint(seen(foreign, 2))
    expect(types(m.applied(1))).toEqual(['won', 'arm', 'arm', 'read'])
    expect(the(m.sees(foreign, 2), 'ended').reason).toBe('revoked')
  })

  it('takes the news of its own acquisition for what it is', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.hint(seen({ ...own, transitions: 1 }, 1))
    expect(types(m.applied(1))).toEqual(['won', 'arm', 'arm'])
  })
})

describe('a holder that a watch tells what there is', () => {
  it('ends at once when somebody else is in the record, also while a renewal is under way', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    expect(the(m.hint(seen(foreign, 9)), 'ended').reason).toBe('revoked')
    expect(m.applied(10)).toEqual([])
  })

  it('is not disturbed by the news of its own renewal', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    expect(m.hint(seen({ ...own, transitions: 1 }, 2))).toEqual([])
    expect(types(m.applied(2))).toContain('renewed')
  })

  it('writes again at once where its record was touched or deleted, on the version that it was told', () => {
    const m = leading()
    m.at(100)
    expect(armed(m.hint(seen({ ...own, transitions: 1 }, 7)), 'renew')).toEqual([0, 0])
    expect(the(m.timer('renew'), 'write').expect).toBe(7)
  })

  it('is not drawn into a race with a tool that undoes what it writes', () => {
    const m = leading()
    m.at(10)
    // An eighth of the 300 ms between two attempts, from the last write on.
    expect(armed(m.hint(seen({ ...own, transitions: 1 }, 7)), 'renew')).toEqual([27.5, 27.5])
  })
})

describe('a renew deadline below the lease', () => {
  it('ends the leadership, and is what it tells of its validity', () => {
    const m = machine({ renewDeadlineMs: 700 })
    m.input({ type: 'start' })
    m.sees(null, 0)
    expect(the(m.applied(1), 'won').leaseMs).toBe(700)
    // By hand: 700 x 0.99 - 1.
    m.at(691)
    expect(types(m.timer('deadline'))).toEqual(['arm'])
    m.at(692)
    expect(the(m.timer('deadline'), 'ended').reason).toBe('expired')
  })

  it('leaves the lease of the record, which others wait for, as long as it was', () => {
    const m = machine({ renewDeadlineMs: 700 })
    m.input({ type: 'start' })
    expect(the(m.sees(null, 0), 'write').next.leaseMs).toBe(1_000)
  })
})
