/** What the CLI makes of the ways to name a backend, for tests of them. Relative paths count from `/base`. */
import { interpretBackendObject } from '../cli/backend-object.ts'
import { parseBackendUrl } from '../cli/url.ts'

export const parse = (url: string) => parseBackendUrl(url, '/base')

/** Why a URL is refused. */
export function problemsOf(url: string): string {
  try {
    parse(url)
  } catch (error) {
    return String(error)
  }
  throw new Error('it was accepted')
}

export function fromObject(value: unknown): {
  readonly description: unknown
  readonly problems: readonly string[]
} {
  const problems: string[] = []
  return { description: interpretBackendObject(value, '/base', problems), problems }
}
