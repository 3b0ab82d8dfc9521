import { describe, expect, it } from 'vitest'
import { PeerIdentities } from './tcp-identity.ts'

const shown = (storageId: string, incarnation: number, run: string) => ({ storageId, incarnation, run })

describe('PeerIdentities', () => {
  it('admits the same process again, and a restart on the same data', () => {
    const identities = new PeerIdentities()
    expect(identities.admit('b', shown('disk', 3, 'x'), 0, false)).toEqual({ is: 'new', first: true })
    expect(identities.admit('b', shown('disk', 3, 'x'), 1, false)).toEqual({ is: 'same' })
    expect(identities.admit('b', shown('disk', 4, 'y'), 2, false)).toEqual({ is: 'new', first: false })
  })

  it('refuses a lower start, and an equal one of another process, for ever', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('b', shown('disk', 2, 'y'), 1e9, false).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'y'), 1e9, false).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'x'), 1e9, false).is).toBe('same')
  })

  it('refuses what looks like a restart while the first process is heard on a connection: one of them is a copy', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    const beside = identities.admit('b', shown('disk', 4, 'y'), 100, true)
    expect(beside).toEqual({ is: 'refused', message: expect.stringContaining('is a copy') })
    expect(identities.admit('b', shown('disk', 3, 'x'), 100, true)).toEqual({ is: 'same' })
    // A connection that nobody ended, because the whole machine went, must not keep the restart out for long.
    expect(identities.admit('b', shown('disk', 4, 'y'), 2101, true)).toEqual({ is: 'new', first: false })
  })

  it('refuses other data while the first process is heard, and admits it once that one is silent', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    identities.heard('b', 50_000)
    expect(identities.admit('b', shown('other', 1, 'y'), 59_000, false).is).toBe('refused')
    expect(identities.admit('b', shown('other', 1, 'y'), 61_000, false)).toEqual({ is: 'new', first: false })
  })

  it('keeps peers apart', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('c', shown('disk', 1, 'y'), 0, false)).toEqual({ is: 'new', first: true })
    expect(identities.heardAtMs('d')).toBeUndefined()
  })
})
