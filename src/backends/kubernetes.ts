import { hostname } from 'node:os'
import type { Backend, BackgroundFailure, LeaseTiming } from './backend.ts'
import { checkLease } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { findAccess } from './kubernetes/access/find-access.ts'
import type { AnnouncementOptions } from './kubernetes/announcing.ts'
import { KubernetesDriver, kubernetesFacts } from './kubernetes/driver.ts'
import { checkedLabel } from './kubernetes/leader-label.ts'
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { systemClock } from '../system/clock.ts'

/** `fast`: 1 s. `default`: 15 s, as Kubernetes' own components. `calm`: 137 s, as OpenShift's. */
export type KubernetesPreset = 'fast' | 'default' | 'calm'

export interface KubernetesOptions {
  /** @default the pod's or the context's */
  readonly namespace?: string | undefined
  /** The Lease's name, for an election that has another name here. @default the election's name */
  readonly lease?: string | undefined
  /** @default 'default' */
  readonly preset?: KubernetesPreset | undefined
  /** Whole seconds, in ms; others are rounded up in the Lease. @default by preset */
  readonly leaseMs?: number | undefined
  /** Of the kubeconfig. @default its current one; in a pod: the pod's own service account */
  readonly context?: string | undefined
  /** Path of a kubeconfig, or several as in `KUBECONFIG`. @default in a pod its service account, else `KUBECONFIG` */
  readonly kubeconfig?: string | undefined
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

const leaseMsOf: Readonly<Record<KubernetesPreset, number>> = { fast: 1000, default: 15_000, calm: 137_000 }

/**
 * Elections on Kubernetes Leases, in the same election as client-go's candidates.
 *
 * Not guaranteed: that a Lease deleted by an operator keeps a candidate out that never saw it; that foreign candidates
 * stop in time, which is their own business.
 * @throws INVALID_OPTIONS
 */
export function kubernetes(options: KubernetesOptions = {}): Backend {
  const { preset = 'default' } = options
  if (!Object.hasOwn(leaseMsOf, preset)) {
    const expected = 'fast, default or calm'
    const message = `preset is ${JSON.stringify(preset)}: use ${expected}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'preset', value: preset, expected })
  }
  const clock = options.clock ?? systemClock()
  const timing: LeaseTiming = {
    leaseMs: options.leaseMs ?? leaseMsOf[preset],
    maxClockDrift: options.maxClockDrift ?? 0.001,
    tickMs: 1,
  }
  checkLease(timing.leaseMs, kubernetesFacts, timing)
  const announce = announcing(options)
  return defineBackend(
    (env) =>
      new KubernetesDriver(
        {
          access: () =>
            findAccess({
              env: process.env,
              nowMs: () => clock.lower(),
              wallMs: () => clock.wallMs(),
              kubeconfig: options.kubeconfig,
              context: options.context,
            }),
          namespace: options.namespace,
          lease: options.lease,
          scope: options.scope,
          timing,
          tokenBase: options.tokenBase ?? 0n,
          announce,
        },
        env,
      ),
    {
      clock,
      random: options.random,
      onBackgroundFailure: options.onBackgroundFailure,
      timing,
    },
  )
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
