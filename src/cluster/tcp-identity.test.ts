import { describe, expect, it } from 'vitest'
import { PeerIdentities } from './tcp-identity.ts'

const shown = (storageId: string, incarnation: number, run: string) => ({ storageId, incarnation, run })

describe('PeerIdentities', () => {
  it('admits the same process again, and a restart on the same data', () => {
    const identities = new PeerIdentities()
    expect(identities.admit('b', shown('disk', 3, 'x'), 0)).toEqual({ is: 'new', first: true })
    expect(identities.admit('b', shown('disk', 3, 'x'), 1)).toEqual({ is: 'same' })
    expect(identities.admit('b', shown('disk', 4, 'y'), 2)).toEqual({ is: 'new', first: false })
  })

  it('refuses a lower start, and an equal one of another process, for ever', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0)
    expect(identities.admit('b', shown('disk', 2, 'y'), 1e9).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'y'), 1e9).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'x'), 1e9).is).toBe('same')
  })

  it('refuses other data while the first process is heard, and admits it once that one is silent', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0)
    identities.heard('b', 50_000)
    expect(identities.admit('b', shown('other', 1, 'y'), 59_000).is).toBe('refused')
    expect(identities.admit('b', shown('other', 1, 'y'), 61_000)).toEqual({ is: 'new', first: false })
  })

  it('keeps peers apart', () => {
    const identities = new PeerIdentities()
    identities.admit('b', shown('disk', 3, 'x'), 0)
    expect(identities.admit('c', shown('disk', 1, 'y'), 0)).toEqual({ is: 'new', first: true })
    expect(identities.heardAtMs('d')).toBeUndefined()
  })
})
