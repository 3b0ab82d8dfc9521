import { readFileSync } from 'node:fs'

/** Far below the hour after which Kubernetes replaces a token. */
const MAX_AGE_MS = 10_000

/**
 * A small file that somebody replaces while we run. Read synchronously, and seldom: libuv's pool is shared with the
 * application, and a renewal that waits there behind its `pbkdf2` calls comes too late.
 */
export function freshFile(
  path: string,
  nowMs: () => number,
): (o?: { readonly renew?: boolean }) => string | undefined {
  let read: { readonly text: string | undefined; readonly atMs: number } | undefined
  return ({ renew = false } = {}) => {
    if (renew || read === undefined || nowMs() - read.atMs >= MAX_AGE_MS) {
      read = { text: textOf(path), atMs: nowMs() }
    }
    return read.text
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
