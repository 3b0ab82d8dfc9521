/** `k8s://namespace?preset=fast`, and `{ type: kubernetes, … }`. In a pod its service account, else `KUBECONFIG`. */
import type { KubernetesDescription } from '../description.ts'
import { present } from '../fields.ts'
import { describe, refuseUnknown } from '../file-values.ts'
import { refuseUnknownKeys } from '../url-keys.ts'
import { choiceOf, textIn, tokenBaseOf } from './fields.ts'
import type { Service } from './service.ts'

const presets = ['fast', 'default', 'calm'] as const
/** Kubernetes has others for old clusters; they are not built yet. */
const kinds = ['lease'] as const
const leaseMsOf = { fast: 1000, default: 15_000, calm: 137_000 } as const

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
    choiceOf('lock', key('lock'), kinds, problems)
    return {
      type: 'kubernetes',
      ...present({
        namespace: namespace?.host,
        preset: choiceOf('preset', key('preset'), presets, problems),
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
    choiceOf('lock', fields['lock'], kinds, problems)
    return {
      type: 'kubernetes',
      ...present({
        namespace: textIn(fields, 'namespace', problems),
        preset: choiceOf('preset', fields['preset'], presets, problems),
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
  leaseMs: ({ preset = 'default' }) => leaseMsOf[preset],
  // A third passes between two renewals, and an answer may take another third.
  leastRemainingMs: (_description, leaseMs) => leaseMs / 3,
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
