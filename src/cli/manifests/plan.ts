/** What the manifests are made for. */
import { MandateError } from '../../errors.ts'

export type Shape = 'run' | 'sidecar'
export type Preset = 'fast' | 'default' | 'calm'

export interface ManifestPlan {
  /** Of the election, of its Lease and of the Deployment. */
  readonly name: string
  readonly namespace: string
  /** `run`: the image holds the program and `mandate`. `sidecar`: the program's own image, with `serve` beside it. */
  readonly shape: Shape
  readonly image: string
  /** For the sidecar. */
  readonly mandateImage: string
  /** What `mandate run` starts. */
  readonly command: readonly string[]
  readonly replicas: number
  readonly preset: Preset
  /** Label the leader's pod, and make a Service that selects it. */
  readonly service: boolean
  readonly events: boolean
  readonly flowSchema: boolean
}

/** A Service is named so, and its name is the narrowest of all; a suffix must fit behind it. */
const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const nameMax = 50

/** @throws INVALID_NAME */
export function checkedName(name: string): string {
  if (name.length <= nameMax && LABEL.test(name)) return name
  const reason = `names objects of Kubernetes: at most ${nameMax} small letters, digits and '-', beginning with a letter`
  throw new MandateError('INVALID_NAME', `the election's name ${JSON.stringify(name)} ${reason}`, {
    name,
    reason,
  })
}

/** @throws INVALID_OPTIONS */
export function checkedNamespace(namespace: string): string {
  if (namespace.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace)) return namespace
  throw invalid('namespace', namespace, "at most 63 small letters, digits and '-'")
}

/** Written into YAML as it is. @throws INVALID_OPTIONS */
export function checkedImage(flag: string, image: string): string {
  if (image.length <= 500 && /^[a-zA-Z0-9][-a-zA-Z0-9._:/@]*$/.test(image)) return image
  throw invalid(flag, image, 'the name of an image, such as billing:1.4')
}

export function invalid(flag: string, value: string, expected: string): MandateError<'INVALID_OPTIONS'> {
  const message = `--${flag} is ${JSON.stringify(value)}: write ${expected}`
  return new MandateError('INVALID_OPTIONS', message, { option: flag, value, expected })
}
