/**
 * What else our record says (which process leads, what it publishes, its token). client-go knows a holder and nothing
 * else, so it stands in an annotation of our own, which counts only while the holder and the acquire time in it are
 * those of the election: client-go and others keep annotations when they take over, and what they kept says nothing
 * about them.
 */
import type { LeaseRecord, Metadata } from '../backend.ts'
import type { KubernetesObject, LeaderFields } from './lock-format.ts'

export const ANNOTATION = 'mandate.dev/leadership'

export interface LeadershipAnnotation {
  readonly holder: string
  readonly acquireTime: string
  readonly incarnation: string
  readonly metadata: Metadata
  /** Decimal; null until the first renewal, because only the answer to the acquisition tells it. */
  readonly token: string | null
  readonly preferred?: string
  /** Exact, where the lock's own times are coarse; written, never read. */
  readonly renewTime?: string
}

export interface AnnotationTerms {
  readonly acquireTime: string
  readonly token: bigint | null
  readonly renewTime: string | undefined
}

/** Null: there is none of the leadership in force. */
export function annotationOf(
  { metadata }: KubernetesObject,
  { holderIdentity, acquireTime }: LeaderFields,
): LeadershipAnnotation | null {
  const text = metadata?.annotations?.[ANNOTATION]
  if (text === undefined) return null
  const found = parsed(text)
  const isOfThisHolder =
    found !== null && found.holder === (holderIdentity ?? '') && found.acquireTime === acquireTime
  return isOfThisHolder ? found : null
}

export function withAnnotation(
  object: KubernetesObject,
  { holder, incarnation, metadata, preferred }: LeaseRecord,
  { acquireTime, token, renewTime }: AnnotationTerms,
): KubernetesObject {
  const annotation: LeadershipAnnotation = {
    holder,
    acquireTime,
    incarnation,
    metadata,
    token: token === null ? null : token.toString(),
    ...(preferred === undefined ? {} : { preferred }),
    ...(renewTime === undefined ? {} : { renewTime }),
  }
  const annotations = { ...object.metadata?.annotations, [ANNOTATION]: JSON.stringify(annotation) }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/** Anybody may edit an annotation by hand: what does not read as ours is not ours. */
function parsed(text: string): LeadershipAnnotation | null {
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
