import { describe, expect, it } from 'vitest'
import { KnownLease } from './known-lease.ts'
import { ANNOTATION } from './leadership-annotation.ts'
import { lockFormats, type KubernetesObject } from './lock-format.ts'

const make = () => new KnownLease({ format: lockFormats.lease, tokenBase: 0n, leaseMs: 15_000 })

const led = (version: number, holder: string, transitions = 1, renewals = 0): KubernetesObject => ({
  metadata: { uid: 'u1', resourceVersion: String(version), labels: { renewals } },
  spec: {
    holderIdentity: holder,
    leaseDurationSeconds: 15,
    acquireTime: `2026-11-23T08:00:0${transitions}.000000Z`,
    leaseTransitions: transitions,
  },
})

describe('what is known of a Lease', () => {
  it('does not go back by an answer that a watch has overtaken', () => {
    const known = make()
    known.answered(led(5, 'a'), known.news)
    const askedAt = known.news
    expect(known.pushed(led(7, 'b', 2), 'changed')).toMatchObject({ version: '7', record: { holder: 'b' } })
    expect(known.answered(led(6, 'a'), askedAt)).toMatchObject({ version: '7', record: { holder: 'b' } })
    expect(known.answered(null, askedAt)).toMatchObject({ version: '7' })
  })

  it('goes back by an answer to who asked after all news: a cluster restored from a backup', () => {
    const known = make()
    known.pushed(led(1000, 'a'), 'changed')
    expect(known.answered(led(500, 'b', 2), known.news)).toMatchObject({ version: '500' })
    expect(known.pushed(led(501, 'b', 2), 'changed')).toMatchObject({ version: '501' })
  })

  it('takes no event for news that is older than our own write or than a deletion', () => {
    const known = make()
    known.wrote(led(7, 'a'), null)
    expect(known.pushed(led(7, 'a'), 'changed')).toBeUndefined()
    expect(known.pushed(led(8, 'a'), 'deleted')).toMatchObject({ version: null, record: { holder: 'a' } })
    expect(known.pushed(led(6, 'b'), 'changed')).toBeUndefined()
    expect(known.version).toBeNull()
  })

  it('keeps the token of our acquisition where a watch was faster with a later change of the same leadership', () => {
    const known = make()
    // Somebody labelled it between our write and its answer.
    known.pushed(led(11, 'a', 1, 1), 'changed')
    expect(known.wrote(led(10, 'a'), null)).toEqual({ version: '10', token: 10n })
    expect(known.seen()).toMatchObject({ version: '11', token: 10n })
  })

  it('tells the token again that it told before the holder wrote its own down, so that no observer sees it sink', () => {
    const known = make()
    const leads = (version: number, token: string | null): KubernetesObject => {
      const object = led(version, 'b')
      const { acquireTime } = object.spec ?? {}
      const annotation = JSON.stringify({ holder: 'b', acquireTime, incarnation: 'i1', metadata: {}, token })
      return { ...object, metadata: { ...object.metadata, annotations: { [ANNOTATION]: annotation } } }
    }
    // Acquired with version 10, and labelled by somebody before the first renewal.
    expect(known.answered(leads(11, null), known.news)).toMatchObject({ token: 11n })
    expect(known.pushed(leads(12, '10'), 'changed')).toMatchObject({ version: '12', token: 11n })
  })

  it('keeps the token of a successor that a watch showed before the answer to our own write', () => {
    const known = make()
    known.pushed(led(11, 'b', 2), 'changed')
    known.wrote(led(10, 'a'), null)
    expect(known.seen()).toMatchObject({ version: '11', token: 11n, record: { holder: 'b' } })
  })

  it('is free once a released Lease is deleted', () => {
    const known = make()
    known.answered(led(5, ''), known.news)
    expect(known.pushed(led(6, ''), 'deleted')).toMatchObject({ record: null, version: null })
  })
})
