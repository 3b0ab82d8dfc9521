/**
 * The objects in which Kubernetes' clients keep an election: a Lease, or, on clusters and with candidates from before
 * Leases, an annotation of an Endpoints or ConfigMap object. All of them say the same five things.
 */

export type LockKind = 'lease' | 'endpoints' | 'configmaps'

/** As the API server sends it; every field may be missing, and unknown ones are kept. */
export interface KubernetesObject {
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>> | null
    readonly [unknown: string]: unknown
  }
  readonly spec?: Readonly<Record<string, unknown>> | null
  readonly [unknown: string]: unknown
}

/** What client-go writes. Some ports leave fields out, or write null. */
export interface LeaderFields {
  readonly holderIdentity?: string | null
  readonly leaseDurationSeconds?: number | null
  readonly acquireTime?: string | null
  readonly renewTime?: string | null
  readonly transitions?: number | null
}

export interface LockFormat {
  readonly kind: LockKind
  readonly apiVersion: string
  /** '' is the core group. */
  readonly apiGroup: string
  readonly objectKind: string
  readonly resource: string
  fieldsOf(object: KubernetesObject): LeaderFields
  /** The object with these fields; what else it says stays. */
  withFields(object: KubernetesObject, fields: Required<LeaderFields>): KubernetesObject
  time(wallMs: number): string
}

/** Of client-go's older kinds of lock. */
export const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'

const lease: LockFormat = {
  kind: 'lease',
  apiVersion: 'coordination.k8s.io/v1',
  apiGroup: 'coordination.k8s.io',
  objectKind: 'Lease',
  resource: 'leases',
  fieldsOf: ({ spec }) => {
    const { leaseTransitions, ...fields } = fieldsIn(spec)
    return { ...textsAndNumbers(fields), transitions: numberIn(leaseTransitions) }
  },
  withFields: (object, { transitions, ...fields }) => ({
    ...object,
    spec: { ...object.spec, ...fields, leaseTransitions: transitions },
  }),
  time: microTime,
}

function annotated(kind: 'endpoints' | 'configmaps', objectKind: string): LockFormat {
  const written = ({ metadata }: KubernetesObject): Readonly<Record<string, unknown>> =>
    fieldsIn(parsed(metadata?.annotations?.[LEADER_ANNOTATION]))
  return {
    kind,
    apiVersion: 'v1',
    apiGroup: '',
    objectKind,
    resource: kind,
    fieldsOf: (object) => {
      const { leaderTransitions, ...fields } = written(object)
      return { ...textsAndNumbers(fields), transitions: numberIn(leaderTransitions) }
    },
    withFields: (object, { transitions, ...fields }) => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: {
          ...object.metadata?.annotations,
          [LEADER_ANNOTATION]: JSON.stringify({
            ...written(object),
            ...fields,
            leaderTransitions: transitions,
          }),
        },
      },
    }),
    time: secondsTime,
  }
}

export const lockFormats: Readonly<Record<LockKind, LockFormat>> = {
  lease,
  endpoints: annotated('endpoints', 'Endpoints'),
  configmaps: annotated('configmaps', 'ConfigMap'),
}

/** RFC 3339 with exactly six digits of fraction: the API server refuses JavaScript's three (kubernetes#89156). */
export function microTime(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, -1)}000Z`
}

/** RFC 3339 in whole seconds, as Go writes a `metav1.Time`. */
function secondsTime(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, -5)}Z`
}

function textsAndNumbers(fields: Readonly<Record<string, unknown>>): LeaderFields {
  return {
    holderIdentity: textIn(fields['holderIdentity']),
    leaseDurationSeconds: numberIn(fields['leaseDurationSeconds']),
    acquireTime: textIn(fields['acquireTime']),
    renewTime: textIn(fields['renewTime']),
  }
}

/** Anybody may edit an annotation by hand. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function fieldsIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

function textIn(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** Python's ConfigMap election writes the duration as text. */
function numberIn(value: unknown): number | null {
  const number = typeof value === 'string' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}
