/** Which key an election is, and why a name can be none. */
import { MandateError } from '../../errors.ts'

/** `lock`: as `consul lock NAME` does, `prefix/NAME/.lock`. `key`: the key itself, `prefix/NAME`, as Go's `api.LockKey`. */
export type ConsulLayout = 'lock' | 'key'

export interface KeyLayout {
  /** Without slashes at its ends; empty: the root of the store. */
  readonly prefix: string
  readonly layout: ConsulLayout
}

/** What every key of every election begins with. */
export function rootOf({ prefix }: KeyLayout): string {
  return prefix === '' ? '' : `${prefix}/`
}

/** @throws INVALID_NAME */
export function keyOf(election: string, layout: KeyLayout): string {
  const problem = pathProblem(election)
  if (problem !== undefined) {
    throw new MandateError('INVALID_NAME', `election name ${JSON.stringify(election)} ${problem}`, {
      name: election,
      reason: problem,
    })
  }
  return `${rootOf(layout)}${election}${layout.layout === 'lock' ? '/.lock' : ''}`
}

/** Consul's HTTP server cleans paths: a key with such a part would be another key, or a redirect. */
export function pathProblem(path: string): string | undefined {
  const part = path.split('/').find((each) => each === '' || each === '.' || each === '..')
  if (part === undefined) return undefined
  return part === ''
    ? "begins or ends with '/', or holds '//', which Consul takes out of a key's path"
    : `holds the part '${part}', which Consul takes out of a key's path`
}

/** For a URL: each part of the key is encoded, its slashes are not. */
export function keyPath(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/')
}
