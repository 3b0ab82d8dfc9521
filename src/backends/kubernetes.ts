import type { Backend, BackgroundFailure, LeaseTiming } from './backend.ts'
import { checkLease } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { findAccess } from './kubernetes/access/find-access.ts'
import { KubernetesDriver, kubernetesFacts } from './kubernetes/driver.ts'
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
