/** Which keys a URL may have. */
import type { BackendUrl } from './url-grammar.ts'

export const secretKey = /^(pass(word|wd|phrase)?|secret|token|auth|credentials?|api-?key)$/i

export function refuseUnknownKeys(url: BackendUrl, known: readonly string[], problems: string[]): void {
  for (const key of url.keys.keys()) {
    if (known.includes(key) || secretKey.test(key)) continue
    const list = known.length === 0 ? 'it has none' : `known: ${known.join(', ')}`
    problems.push(`${url.scheme}:// has no key '${key}' (${list})`)
  }
}
