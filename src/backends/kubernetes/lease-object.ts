/** The record of `lease/` that an object of Kubernetes stands for. Pure: objects in, objects out. */
import type { LeaseRecord } from '../backend.ts'
import { annotationOf, withAnnotation } from './leadership-annotation.ts'
import { lockFormats, microTime, type KubernetesObject, type LockFormat } from './lock-format.ts'

/** What an object says about its leadership. */
export interface ReadLease {
  readonly record: LeaseRecord
  /** Of the acquisition in force, where its holder wrote it down. */
  readonly token: bigint | null
}

/**
 * `defaultLeaseMs`: for a Lease without a duration (some ports write such; client-go reads 0 there).
 *
 * The record counts acquisitions from 1, Kubernetes counts changes from 0.
 */
export function readLease(
  object: KubernetesObject,
  defaultLeaseMs: number,
  format: LockFormat = lockFormats.lease,
): ReadLease {
  const fields = format.fieldsOf(object)
  const ours = annotationOf(object, fields)
  const seconds = fields.leaseDurationSeconds ?? 0
  const record: LeaseRecord = {
    holder: fields.holderIdentity ?? '',
    incarnation: ours?.incarnation ?? '',
    leaseMs: seconds > 0 ? seconds * 1000 : defaultLeaseMs,
    transitions: (fields.transitions ?? 0) + 1,
    exclusivity: 'time',
    metadata: ours?.metadata ?? {},
  }
  return {
    record: ours?.preferred === undefined ? record : { ...record, preferred: ours.preferred },
    token: ours?.token == null ? null : BigInt(ours.token),
  }
}

export interface LeaseWriting {
  readonly format?: LockFormat
  /** What was read or written last; null creates. */
  readonly base: KubernetesObject | null
  readonly next: LeaseRecord
  readonly name: string
  readonly namespace: string
  readonly wallMs: number
  /** Of the leadership that this write renews; null for an acquisition and a release. */
  readonly token: bigint | null
}

/** The whole object to PUT or POST: what `base` has and we do not know stays as it is. */
export function writeLease(writing: LeaseWriting): KubernetesObject {
  const { base, next, name, namespace, wallMs, token, format = lockFormats.lease } = writing
  const now = format.time(wallMs)
  const acquireTime = (token === null || base === null ? null : format.fieldsOf(base).acquireTime) ?? now
  const object: KubernetesObject = {
    ...base,
    apiVersion: format.apiVersion,
    kind: format.objectKind,
    metadata: { ...base?.metadata, name, namespace },
  }
  const led = format.withFields(object, {
    holderIdentity: next.holder,
    // client-go releases with one second, because the API refuses zero (client-go#762).
    leaseDurationSeconds: next.holder === '' ? 1 : Math.ceil(next.leaseMs / 1000),
    acquireTime,
    renewTime: now,
    transitions: Math.max(0, next.transitions - 1),
  })
  // The API server gives an object that stays the same no new version. Where times have whole seconds, the second renewal
  // within one would go unheard by those who wait for silence, while its sender counts its deadline from it.
  const exact = microTime(wallMs)
  return withAnnotation(led, next, { acquireTime, token, renewTime: exact === now ? undefined : exact })
}

/** One leadership: a renewal changes none of these, an acquisition changes at least one. */
export function acquisitionOf(object: KubernetesObject, format: LockFormat): string {
  const { holderIdentity, acquireTime, transitions } = format.fieldsOf(object)
  return JSON.stringify([object.metadata?.uid, holderIdentity, acquireTime, transitions])
}

/** For writing a deleted object again: what belonged to the old one only (its owners too) goes. */
export function unborn({ metadata, spec }: KubernetesObject): KubernetesObject {
  const { labels, annotations } = metadata ?? {}
  const kept = {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations == null ? {} : { annotations }),
  }
  return { metadata: kept, ...(spec === undefined ? {} : { spec }) }
}
