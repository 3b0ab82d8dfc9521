/** `k8s://namespace?preset=fast`, and `{ type: kubernetes, … }`. In a pod its service account, else `KUBECONFIG`. */
import type { KubernetesDescription } from '../description.ts'
import { kubernetesPresets, scaledPace } from '../../backends/kubernetes/pace-options.ts'
import { intervalsOf, paceFigures, type LeasePace } from '../../lease/pace.ts'
import { present } from '../fields.ts'
import { describe, refuseUnknown } from '../file-values.ts'
import { refuseUnknownKeys } from '../url-keys.ts'
import { choiceOf, textIn, tokenBaseOf } from './fields.ts'
import type { Service } from './service.ts'

const presets = ['fast', 'default', 'calm'] as const
const kinds = ['lease', 'endpoints', 'configmaps'] as const

const urlKeys = [
  'preset',
  'lock',
  'lease',
  'context',
  'scope',
  'leader-label',
  'pod',
  'events',
  'token-base',
] as const
const objectKeys = [
  'type',
  'namespace',
  'preset',
  'lock',
  'lease',
  'context',
  'scope',
  'leaderLabel',
  'pod',
  'events',
  'tokenBase',
] as const

export const kubernetesService: Service<KubernetesDescription> = {
  type: 'kubernetes',
  schemes: ['kubernetes', 'k8s'],
  fromUrl: (url, _baseDir, problems) => {
    refuseUnknownKeys(url, urlKeys, problems)
    const key = (name: string): string | undefined => url.keys.get(name)
    const [namespace, ...others] = url.peers
    if (others.length > 0 || namespace?.id !== undefined || namespace?.port !== undefined)
      problems.push(`it names one namespace, and no server: write ${url.scheme}://jobs`)
    if (url.path !== '')
      problems.push(`it has no path: the election's name is the Lease's, or lease=${url.path}`)
    return {
      type: 'kubernetes',
      ...present({
        namespace: namespace?.host,
        preset: choiceOf('preset', key('preset'), presets, problems),
        lock: choiceOf('lock', key('lock'), kinds, problems),
        lease: key('lease'),
        context: key('context'),
        scope: key('scope'),
        leaderLabel: key('leader-label'),
        pod: key('pod'),
        events: switchOf('events', key('events'), problems),
        tokenBase: tokenBaseOf('token-base', key('token-base'), problems),
      }),
    }
  },
  fromObject: (fields, _baseDir, problems) => {
    refuseUnknown(fields, objectKeys, '', problems)
    return {
      type: 'kubernetes',
      ...present({
        namespace: textIn(fields, 'namespace', problems),
        preset: choiceOf('preset', fields['preset'], presets, problems),
        lock: choiceOf('lock', fields['lock'], kinds, problems),
        lease: textIn(fields, 'lease', problems),
        context: textIn(fields, 'context', problems),
        scope: textIn(fields, 'scope', problems),
        leaderLabel: textIn(fields, 'leaderLabel', problems),
        pod: textIn(fields, 'pod', problems),
        events: switchOf('events', fields['events'], problems),
        tokenBase: tokenBaseOf('tokenBase', fields['tokenBase'], problems),
      }),
    }
  },
  leaseMs: ({ preset = 'default' }) => kubernetesPresets[preset].leaseMs,
  leastRemainingMs: (description, leaseMs) => {
    const { renewDeadlineMs, renewMs, attemptMs } = intervalsOf(paceOf(description, leaseMs))
    return renewDeadlineMs - renewMs - attemptMs
  },
  usedMs: (description, leaseMs) => paceOf(description, leaseMs).renewDeadlineMs,
  figures: (description, leaseMs) => {
    const pace = intervalsOf(paceOf(description, leaseMs))
    const figures = paceFigures(pace, { maxClockDrift: 0.001, tickMs: 1 })
    return {
      leaseMs: pace.leaseMs,
      renewDeadlineMs: pace.renewDeadlineMs,
      retryMs: pace.retryMs,
      renewEveryMs: pace.renewMs,
      ...figures,
    }
  },
  create: async ({ type: _type, tokenBase, ...description }, { onBackgroundFailure }) => {
    const { kubernetes } = await import('../../backends/kubernetes.ts')
    return kubernetes({
      ...description,
      ...(tokenBase === undefined ? {} : { tokenBase: BigInt(tokenBase) }),
      onBackgroundFailure,
    })
  },
}

function switchOf(name: string, value: unknown, problems: string[]): boolean | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined
  if (value === 'true' || value === 'false') return value === 'true'
  problems.push(`${name} is ${describe(value)}: write true or false`)
  return undefined
}

function paceOf({ preset = 'default' }: KubernetesDescription, leaseMs: number): LeasePace {
  return scaledPace(kubernetesPresets[preset], leaseMs)
}
