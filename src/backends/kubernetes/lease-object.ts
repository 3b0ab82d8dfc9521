/**
 * A `coordination.k8s.io/v1` Lease as client-go reads and writes it, and the record of `lease/` that it stands for.
 * Pure: objects in, objects out.
 *
 * client-go knows a holder and nothing else. What else our record says (which process, what it publishes, its token)
 * stands in one annotation, which counts only while the holder and the acquire time beside it are those of the spec:
 * client-go and others keep annotations when they take a Lease over, and what they kept says nothing about them.
 */
import type { LeaseRecord, Metadata } from '../backend.ts'

/** As the API server sends it; every field may be missing, and unknown ones are kept. */
export interface LeaseObject {
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>> | null
    readonly [unknown: string]: unknown
  }
  readonly spec?: {
    readonly holderIdentity?: string | null
    readonly leaseDurationSeconds?: number | null
    readonly acquireTime?: string | null
    readonly renewTime?: string | null
    readonly leaseTransitions?: number | null
    readonly [unknown: string]: unknown
  } | null
  readonly [unknown: string]: unknown
}

/** Our annotation. */
export const ANNOTATION = 'mandate.dev/leadership'

interface Annotation {
  readonly holder: string
  readonly acquireTime: string
  readonly incarnation: string
  readonly metadata: Metadata
  /** Decimal; null until the first renewal, because only the answer to the acquisition tells it. */
  readonly token: string | null
  readonly preferred?: string
}

/** What a Lease says about its leadership. */
export interface ReadLease {
  readonly record: LeaseRecord
  /** Of the acquisition in force, where its holder wrote it down. */
  readonly token: bigint | null
}

/**
 * `defaultLeaseMs`: for a Lease without a duration (some ports write such; client-go reads 0 there).
 *
 * The record counts acquisitions from 1, `leaseTransitions` counts changes from 0.
 */
export function readLease(object: LeaseObject, defaultLeaseMs: number): ReadLease {
  const spec = object.spec ?? {}
  const holder = spec.holderIdentity ?? ''
  const ours = annotationOf(object)
  const seconds = spec.leaseDurationSeconds ?? 0
  const record: LeaseRecord = {
    holder,
    incarnation: ours?.incarnation ?? '',
    leaseMs: seconds > 0 ? seconds * 1000 : defaultLeaseMs,
    transitions: (spec.leaseTransitions ?? 0) + 1,
    exclusivity: 'time',
    metadata: ours?.metadata ?? {},
  }
  return {
    record: ours?.preferred === undefined ? record : { ...record, preferred: ours.preferred },
    token: ours?.token == null ? null : BigInt(ours.token),
  }
}

export interface LeaseWriting {
  /** What was read or written last; null creates. */
  readonly base: LeaseObject | null
  readonly next: LeaseRecord
  readonly name: string
  readonly namespace: string
  readonly wallMs: number
  /** Of the leadership that this write renews; null for an acquisition and a release. */
  readonly token: bigint | null
}

/** The whole object to PUT or POST: what `base` has and we do not know stays as it is. */
export function writeLease({ base, next, name, namespace, wallMs, token }: LeaseWriting): LeaseObject {
  const now = microTime(wallMs)
  const spec = base?.spec ?? {}
  const isRenewal = token !== null
  const acquireTime = isRenewal ? (spec.acquireTime ?? now) : now
  const annotation: Annotation = {
    holder: next.holder,
    acquireTime,
    incarnation: next.incarnation,
    metadata: next.metadata,
    token: token === null ? null : token.toString(),
    ...(next.preferred === undefined ? {} : { preferred: next.preferred }),
  }
  return {
    ...base,
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      ...base?.metadata,
      name,
      namespace,
      annotations: { ...base?.metadata?.annotations, [ANNOTATION]: JSON.stringify(annotation) },
    },
    spec: {
      ...spec,
      holderIdentity: next.holder,
      // client-go releases with one second, because the API refuses zero (client-go#762).
      leaseDurationSeconds: next.holder === '' ? 1 : Math.ceil(next.leaseMs / 1000),
      acquireTime,
      renewTime: now,
      leaseTransitions: Math.max(0, next.transitions - 1),
    },
  }
}

/** RFC 3339 with exactly six digits of fraction: the API server refuses JavaScript's three (kubernetes#89156). */
export function microTime(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, -1)}000Z`
}

function annotationOf({ metadata, spec }: LeaseObject): Annotation | null {
  const text = metadata?.annotations?.[ANNOTATION]
  if (text === undefined) return null
  const found = parsed(text)
  const isOfThisHolder =
    found !== null && found.holder === (spec?.holderIdentity ?? '') && found.acquireTime === spec?.acquireTime
  return isOfThisHolder ? found : null
}

/** Anybody may edit an annotation by hand: what does not read as ours is not ours. */
function parsed(text: string): Annotation | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(value)) return null
  const { holder, acquireTime, incarnation, metadata, token = null, preferred } = value
  if (typeof holder !== 'string' || typeof acquireTime !== 'string' || typeof incarnation !== 'string')
    return null
  if (token !== null && !(typeof token === 'string' && /^\d{1,40}$/.test(token))) return null
  if (!isObject(metadata) || !Object.values(metadata).every((each) => typeof each === 'string')) return null
  if (preferred !== undefined && typeof preferred !== 'string') return null
  return {
    holder,
    acquireTime,
    incarnation,
    metadata: metadata as Metadata,
    token,
    ...(preferred === undefined ? {} : { preferred }),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
