/** A label that only the leader's pod has, so that a Service selects it: `key=value`. */
import { MandateError } from '../../errors.ts'

export interface Label {
  readonly key: string
  readonly value: string
}

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** @throws INVALID_OPTIONS */
export function checkedLabel(text: string): Label {
  const at = text.indexOf('=')
  const key = at === -1 ? text : text.slice(0, at)
  const value = at === -1 ? '' : text.slice(at + 1)
  const slash = key.indexOf('/')
  const name = key.slice(slash + 1)
  const isPrefix = slash === -1 || (slash <= 253 && PREFIX.test(key.slice(0, slash)))
  const isValue = value.length <= 63 && NAME.test(value)
  if (at !== -1 && isPrefix && name.length <= 63 && NAME.test(name) && isValue) return { key, value }
  const expected = 'key=value as Kubernetes takes labels, such as mandate.dev/leader=billing'
  const message = `leaderLabel is ${JSON.stringify(text)}: write ${expected}`
  throw new MandateError('INVALID_OPTIONS', message, { option: 'leaderLabel', value: text, expected })
}
