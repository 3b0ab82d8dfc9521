import { hostname } from 'node:os'
import type { Backend, BackendEnv, BackgroundFailure, LeaseTiming } from './backend.ts'
import { checkLease } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import type { KubeConfigLike } from './kubernetes/access/client-node.ts'
import { findAccess } from './kubernetes/access/find-access.ts'
import type { AnnouncementOptions } from './kubernetes/announcing.ts'
import { KubernetesDriver, kubernetesFacts, type KubernetesDriverOptions } from './kubernetes/driver.ts'
import { checkedLabel } from './kubernetes/leader-label.ts'
import type { KubernetesLease } from './kubernetes/lease-report.ts'
import { lockFormats, type LockKind } from './kubernetes/lock-format.ts'
import { resolvePace, type KubernetesPreset } from './kubernetes/pace-options.ts'
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { systemClock } from '../system/clock.ts'

export type { KubeConfigLike, KubernetesLease, KubernetesPreset, LockKind }

export interface KubernetesOptions {
  /** @default the pod's or the context's */
  readonly namespace?: string | undefined
  /** The Lease's name, for an election that has another name here. @default the election's name */
  readonly lease?: string | undefined
  /**
   * The object that keeps the election: `endpoints` and `configmaps` as client-go did it before Leases, for candidates
   * that still do. @default 'lease'
   */
  readonly lock?: LockKind | undefined
  /** @default 'default' */
  readonly preset?: KubernetesPreset | undefined
  /** Whole seconds, in ms; others are rounded up in the Lease. @default by preset */
  readonly leaseMs?: number | undefined
  /** A leader gives up this long after it sent its last successful renewal, in ms. @default by preset, in its proportion */
  readonly renewDeadlineMs?: number | undefined
  /** The longest pause between two attempts, and between two looks without a watch, in ms. @default by preset, in its proportion */
  readonly retryMs?: number | undefined
  /** Of the kubeconfig. @default its current one; in a pod: the pod's own service account */
  readonly context?: string | undefined
  /**
   * Path of a kubeconfig, or several as in `KUBECONFIG`, or a `KubeConfig` of `@kubernetes/client-node`.
   * @default in a pod its service account, else `KUBECONFIG`
   */
  readonly kubeconfig?: string | KubeConfigLike | undefined
  /** What tokens compare within, the same in every process. @default a hash of the cluster's authorities, and the namespace */
  readonly scope?: string | undefined
  /** Added to every token, for an election that moves here. @default 0n */
  readonly tokenBase?: bigint | undefined
  /**
   * `key=value`: a label that this process's pod has while it leads an election of this backend, so that a Service can
   * select the leader. It follows the election by a request, so it routes and does not protect. Needs the right to patch
   * `pods/status`. @default none
   */
  readonly leaderLabel?: string | undefined
  /** The pod to label. @default `POD_NAME`, else the host's name; its namespace is `POD_NAMESPACE`, else the access's */
  readonly pod?: string | undefined
  /** Writes Events on the Lease, as client-go does. Needs the right to create `events`. @default false */
  readonly events?: boolean | undefined
  /** Bounds every clock's rate against true time. @default 0.001 */
  readonly maxClockDrift?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** Failures that belong to no call. @default process.emitWarning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
}

export interface KubernetesBackend extends Backend {
  /**
   * The Lease of an election as this process saw it last: what stands beside the token. Undefined before it was seen, and
   * after the backend was closed.
   */
  lease(election: string): KubernetesLease | undefined
}

/**
 * Elections on Kubernetes Leases, in the same election as client-go's candidates.
 *
 * Not guaranteed: that a Lease deleted by an operator keeps a candidate out that never saw it; that foreign candidates
 * stop in time, which is their own business.
 * @throws INVALID_OPTIONS
 */
export function kubernetes(options: KubernetesOptions = {}): KubernetesBackend {
  const { lock = 'lease' } = options
  if (!Object.hasOwn(lockFormats, lock)) {
    const expected = Object.keys(lockFormats).join(', ')
    const message = `lock is ${JSON.stringify(lock)}: use one of ${expected}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'lock', value: lock, expected })
  }
  const clock = options.clock ?? systemClock()
  const pace = resolvePace(options)
  const timing: LeaseTiming = {
    leaseMs: pace.leaseMs,
    maxClockDrift: options.maxClockDrift ?? 0.001,
    tickMs: 1,
  }
  checkLease(timing.leaseMs, kubernetesFacts, timing)
  const { kubeconfig, context, namespace, lease, scope, tokenBase = 0n } = options
  const access: KubernetesDriverOptions['access'] = ({ ended }) =>
    findAccess({
      env: process.env,
      nowMs: () => clock.lower(),
      wallMs: () => clock.wallMs(),
      kubeconfig,
      context,
      ended,
    })
  const announce = announcing(options)
  const settings = { access, namespace, lease, lock, scope, timing, pace, tokenBase, announce }
  let driver: KubernetesDriver | undefined
  const create = (env: BackendEnv): KubernetesDriver => (driver = new KubernetesDriver(settings, env))
  const { random, onBackgroundFailure } = options
  const backend = defineBackend(create, { clock, random, onBackgroundFailure, timing })
  return Object.assign(backend, { lease: (election: string) => driver?.lease(election) })
}

/** @throws INVALID_OPTIONS */
function announcing({
  leaderLabel,
  pod,
  events = false,
}: KubernetesOptions): ((namespace: string) => AnnouncementOptions) | undefined {
  if (leaderLabel === undefined && !events) return undefined
  const label = leaderLabel === undefined ? undefined : checkedLabel(leaderLabel)
  return (namespace) => ({
    events,
    leaderLabel: label && {
      label,
      pod: pod ?? (process.env['POD_NAME'] || hostname()),
      namespace: process.env['POD_NAMESPACE'] || namespace,
    },
  })
}
