import { describe, expect, it } from 'vitest'
import type { PeerRecord } from './messages.ts'
import { PeerIdentities } from './tcp-identity.ts'

const identitiesOf = (): PeerIdentities => new PeerIdentities([], () => undefined)

const shown = (storageId: string, incarnation: number, run: string) => ({ storageId, incarnation, run })

describe('PeerIdentities', () => {
  it('admits the same process again, and a restart on the same data', () => {
    const identities = identitiesOf()
    expect(identities.admit('b', shown('disk', 3, 'x'), 0, false)).toEqual({ is: 'new', first: true })
    expect(identities.admit('b', shown('disk', 3, 'x'), 1, false)).toEqual({ is: 'same' })
    expect(identities.admit('b', shown('disk', 4, 'y'), 2, false)).toEqual({ is: 'new', first: false })
  })

  it('refuses a lower start, and an equal one of another process, for ever', () => {
    const identities = identitiesOf()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('b', shown('disk', 2, 'y'), 1e9, false).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'y'), 1e9, false).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'x'), 1e9, false).is).toBe('same')
  })

  it('refuses what looks like a restart while the first process is heard on a connection: one of them is a copy', () => {
    const identities = identitiesOf()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    const beside = identities.admit('b', shown('disk', 4, 'y'), 100, true)
    expect(beside).toEqual({ is: 'refused', message: expect.stringContaining('is a copy') })
    expect(identities.admit('b', shown('disk', 3, 'x'), 100, true)).toEqual({ is: 'same' })
    // A connection that nobody ended, because the whole machine went, must not keep the restart out for long.
    expect(identities.admit('b', shown('disk', 4, 'y'), 2101, true)).toEqual({ is: 'new', first: false })
  })

  it('refuses other data under a known id for ever, also after a restart of its own', () => {
    const written: PeerRecord[] = []
    const identities = new PeerIdentities([], (record) => written.push(record))
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('b', shown('other', 1, 'y'), 1e9, false)).toEqual({
      is: 'refused',
      message: expect.stringContaining('Give it back its folder'),
    })
    const restarted = new PeerIdentities(written, () => undefined)
    expect(restarted.admit('b', shown('other', 9, 'y'), 0, false).is).toBe('refused')
    expect(restarted.admit('b', shown('disk', 2, 'y'), 0, false).is).toBe('refused')
    expect(restarted.admit('b', shown('disk', 3, 'x'), 0, false).is).toBe('same')
    expect(restarted.admit('b', shown('disk', 4, 'z'), 0, false)).toEqual({ is: 'new', first: false })
  })

  it('writes down each new process once', () => {
    const written: PeerRecord[] = []
    const identities = new PeerIdentities([], (record) => written.push(record))
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    identities.admit('b', shown('disk', 3, 'x'), 1, false)
    identities.admit('b', shown('disk', 2, 'w'), 2, false)
    identities.admit('b', shown('disk', 4, 'y'), 3, false)
    expect(written).toEqual([
      { peer: 'b', storageId: 'disk', incarnation: 3, run: 'x' },
      { peer: 'b', storageId: 'disk', incarnation: 4, run: 'y' },
    ])
  })

  it('keeps peers apart', () => {
    const identities = identitiesOf()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('c', shown('disk', 1, 'y'), 0, false)).toEqual({ is: 'new', first: true })
  })
})
