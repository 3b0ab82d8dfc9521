import { describe, expect, it } from 'vitest'
import { ANNOTATION } from './leadership-annotation.ts'
import { readLease, writeLease } from './lease-object.ts'
import { LEADER_ANNOTATION, lockFormats, microTime, type KubernetesObject } from './lock-format.ts'
import type { LeaseRecord } from '../backend.ts'

const record: LeaseRecord = {
  holder: 'worker-7',
  incarnation: '0123456789abcdef',
  leaseMs: 15_000,
  transitions: 1,
  exclusivity: 'time',
  metadata: { url: 'http://10.0.0.7' },
}
const at = Date.UTC(2026, 10, 23, 9, 0, 0, 123)
const terms = { name: 'billing', namespace: 'default', wallMs: at }

const acquired = (base: KubernetesObject | null = null, next = record): KubernetesObject =>
  writeLease({ ...terms, base, next, token: null })

describe('a Lease that we write', () => {
  it('has all five fields as client-go writes them', () => {
    expect(acquired().spec).toEqual({
      holderIdentity: 'worker-7',
      leaseDurationSeconds: 15,
      acquireTime: '2026-11-23T09:00:00.123000Z',
      renewTime: '2026-11-23T09:00:00.123000Z',
      leaseTransitions: 0,
    })
  })

  it('says the time with exactly six digits of fraction', () => {
    expect(microTime(at)).toBe('2026-11-23T09:00:00.123000Z')
    expect(microTime(Date.UTC(2026, 0, 1))).toBe('2026-01-01T00:00:00.000000Z')
  })

  it('reads back as the record it stands for', () => {
    expect(readLease(acquired(), 1000)).toEqual({ record, token: null })
  })

  it('keeps the acquire time and adds the token when it renews', () => {
    const base = acquired()
    const renewed = writeLease({ ...terms, base, next: record, wallMs: at + 2000, token: 77n })
    expect(renewed.spec?.['acquireTime']).toBe(base.spec?.['acquireTime'])
    expect(renewed.spec?.['renewTime']).toBe('2026-11-23T09:00:02.123000Z')
    expect(readLease(renewed, 1000).token).toBe(77n)
  })

  it('rounds the duration up to whole seconds, because the API has no smaller ones and refuses zero', () => {
    expect(acquired(null, { ...record, leaseMs: 1200 }).spec?.['leaseDurationSeconds']).toBe(2)
    expect(acquired(null, { ...record, leaseMs: 500 }).spec?.['leaseDurationSeconds']).toBe(1)
  })

  it('is released as client-go releases: no holder, one second, times of now, transitions kept', () => {
    const free = { ...record, holder: '', incarnation: '', metadata: {}, transitions: 5 }
    expect(
      writeLease({ ...terms, base: acquired(), next: free, wallMs: at + 1000, token: null }).spec,
    ).toEqual({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: '2026-11-23T09:00:01.123000Z',
      renewTime: '2026-11-23T09:00:01.123000Z',
      leaseTransitions: 4,
    })
  })

  it('keeps what it does not know: labels, other annotations, owners, new fields of the spec', () => {
    const base: KubernetesObject = {
      metadata: {
        name: 'billing',
        namespace: 'default',
        resourceVersion: '9',
        labels: { team: 'money' },
        annotations: { other: 'stays' },
        ownerReferences: [{ uid: 'u' }],
      },
      spec: { holderIdentity: '', strategy: 'OldestEmulationVersion' },
    }
    const written = acquired(base)
    expect(written.metadata).toMatchObject({
      resourceVersion: '9',
      labels: { team: 'money' },
      annotations: { other: 'stays' },
      ownerReferences: [{ uid: 'u' }],
    })
    expect(written.spec).toMatchObject({ strategy: 'OldestEmulationVersion' })
  })
})

describe('a Lease that others wrote', () => {
  it.each([
    ['without a spec', {}],
    ['with an empty spec', { spec: {} }],
    ['with a null spec', { spec: null }],
    ['without a holder', { spec: { renewTime: '2026-11-23T09:00:00.000000Z' } }],
    ['with a null holder', { spec: { holderIdentity: null } }],
    ['with an empty holder', { spec: { holderIdentity: '' } }],
  ])('%s is free', (_, object) => {
    expect(readLease(object, 1000).record.holder).toBe('')
  })

  it('without a duration and transitions has our duration and none', () => {
    const { record: read } = readLease({ spec: { holderIdentity: 'x' } }, 4000)
    expect(read).toMatchObject({ holder: 'x', leaseMs: 4000, transitions: 1, incarnation: '' })
  })

  it('counts with its own duration', () => {
    const object = { spec: { holderIdentity: 'x', leaseDurationSeconds: 3, leaseTransitions: 8 } }
    expect(readLease(object, 15_000).record).toMatchObject({ leaseMs: 3000, transitions: 9 })
  })

  it('is not taken for ours where a successor kept our annotation', () => {
    const base = acquired()
    const taken = { ...base, spec: { ...base.spec, holderIdentity: 'host_uuid' } }
    expect(readLease(taken, 1000)).toMatchObject({ record: { incarnation: '', metadata: {} }, token: null })
    const again = { ...base, spec: { ...base.spec, acquireTime: '2026-11-23T10:00:00.000000Z' } }
    expect(readLease(again, 1000).record.incarnation).toBe('')
  })

  it.each([
    'null',
    '[]',
    '{',
    '{"holder":"worker-7"}',
    '{"holder":"worker-7","acquireTime":"2026-11-23T09:00:00.123000Z","incarnation":"1","metadata":{"a":1}}',
    '{"holder":"worker-7","acquireTime":"2026-11-23T09:00:00.123000Z","incarnation":"1","metadata":{},"token":"1e9"}',
  ])('with the annotation %s, edited by hand, is read without it', (annotation) => {
    const base = acquired()
    const edited = { ...base, metadata: { ...base.metadata, annotations: { [ANNOTATION]: annotation } } }
    expect(readLease(edited, 1000).record).toMatchObject({ holder: 'worker-7', incarnation: '' })
  })
})

describe.each(['endpoints', 'configmaps'] as const)('the annotation of %s', (kind) => {
  const format = lockFormats[kind]
  const annotation = (object: KubernetesObject): unknown =>
    JSON.parse(object.metadata?.annotations?.[LEADER_ANNOTATION] ?? 'null')
  const written = writeLease({ ...terms, format, base: null, next: record, token: null })

  it('is what client-go writes: its own name for the transitions, times in whole seconds', () => {
    expect(annotation(written)).toEqual({
      holderIdentity: 'worker-7',
      leaseDurationSeconds: 15,
      acquireTime: '2026-11-23T09:00:00Z',
      renewTime: '2026-11-23T09:00:00Z',
      leaderTransitions: 0,
    })
    expect(written).toMatchObject({ apiVersion: 'v1', metadata: { name: 'billing', namespace: 'default' } })
    expect(written.spec).toBeUndefined()
  })

  it('reads back as the record it stands for, with the token of a renewal', () => {
    expect(readLease(written, 1000, format)).toEqual({ record, token: null })
    const renewed = writeLease({ ...terms, format, base: written, next: record, token: 77n })
    expect(readLease(renewed, 1000, format)).toEqual({ record, token: 77n })
  })

  it('differs with each renewal, also within a second: the API server gives what stays the same no new version', () => {
    const base = writeLease({ ...terms, format, base: written, next: record, token: 77n })
    const renewed = writeLease({ ...terms, format, base, next: record, wallMs: at + 300, token: 77n })
    expect(renewed).not.toEqual(base)
    expect(annotation(renewed)).toEqual(annotation(base))
    expect(readLease(renewed, 1000, format)).toEqual(readLease(base, 1000, format))
  })

  it('keeps the rest of the object, and what it does not know of the annotation', () => {
    const base: KubernetesObject = {
      data: { key: 'value' },
      subsets: [{ ports: [] }],
      metadata: {
        annotations: { [LEADER_ANNOTATION]: '{"strategy":"x","holderIdentity":""}', other: 'stays' },
      },
    }
    const taken = writeLease({ ...terms, format, base, next: record, token: null })
    expect(taken).toMatchObject({ data: { key: 'value' }, subsets: [{ ports: [] }] })
    expect(taken.metadata?.annotations).toMatchObject({ other: 'stays' })
    expect(annotation(taken)).toMatchObject({ strategy: 'x', holderIdentity: 'worker-7' })
  })

  it.each([undefined, 'null', '{', '[]', '{"holderIdentity":null}'])(
    'that is %s frees the election',
    (text) => {
      const annotations = text === undefined ? {} : { [LEADER_ANNOTATION]: text }
      expect(readLease({ metadata: { annotations } }, 1000, format).record).toMatchObject({
        holder: '',
        leaseMs: 1000,
      })
    },
  )

  it('of the Python client, whose duration is text, counts with that duration', () => {
    const annotations = { [LEADER_ANNOTATION]: '{"holderIdentity":"x","leaseDurationSeconds":"17"}' }
    expect(readLease({ metadata: { annotations } }, 1000, format).record.leaseMs).toBe(17_000)
  })
})
