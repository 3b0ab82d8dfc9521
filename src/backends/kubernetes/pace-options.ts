/** A preset's name and numbers of the user's own, as the pace they mean. */
import { MandateError } from '../../errors.ts'
import { paceProblems, type LeasePace } from '../../lease/pace.ts'

/** `fast`: a lease of 1 s. `default`: 15 s, as Kubernetes' own components. `calm`: 137 s, as OpenShift's. */
export type KubernetesPreset = 'fast' | 'default' | 'calm'

export const kubernetesPresets: Readonly<Record<KubernetesPreset, LeasePace>> = {
  fast: { leaseMs: 1000, renewDeadlineMs: 900, retryMs: 200 },
  default: { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 },
  calm: { leaseMs: 137_000, renewDeadlineMs: 107_000, retryMs: 26_000 },
}

export interface PaceOptions {
  readonly preset?: KubernetesPreset | undefined
  readonly leaseMs?: number | undefined
  readonly renewDeadlineMs?: number | undefined
  readonly retryMs?: number | undefined
}

/** @throws INVALID_OPTIONS with every relation that does not hold */
export function resolvePace({ preset = 'default', ...numbers }: PaceOptions): LeasePace {
  if (!Object.hasOwn(kubernetesPresets, preset)) {
    const expected = 'fast, default or calm'
    const message = `preset is ${JSON.stringify(preset)}: use ${expected}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'preset', value: preset, expected })
  }
  const base = kubernetesPresets[preset]
  const scaled = numbers.leaseMs === undefined ? base : scaledPace(base, numbers.leaseMs)
  const pace: LeasePace = {
    leaseMs: scaled.leaseMs,
    renewDeadlineMs: numbers.renewDeadlineMs ?? scaled.renewDeadlineMs,
    retryMs: numbers.retryMs ?? scaled.retryMs,
  }
  const problems = paceProblems(pace)
  if (problems.length === 0) return pace
  const expected = problems.join('; ')
  throw new MandateError('INVALID_OPTIONS', expected, { option: 'timing', value: pace, expected })
}

/** The same proportions for another lease. */
export function scaledPace(pace: LeasePace, leaseMs: number): LeasePace {
  const ratio = leaseMs / pace.leaseMs
  return {
    leaseMs,
    renewDeadlineMs: pace.renewDeadlineMs * ratio,
    retryMs: pace.retryMs * ratio,
  }
}
