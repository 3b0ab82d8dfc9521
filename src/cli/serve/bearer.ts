/** The token that requests must bring: where it comes from, and whether a request brought it. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MandateError } from '../../errors.ts'

export const tokenVariable = 'MANDATE_HTTP_TOKEN'

/** A mounted secret is replaced in place; reading it now and then is enough to follow. */
const rereadMs = 5000
/** Long enough that nobody guesses it over a network. */
const minLength = 16
const maxLength = 4096

export interface TokenSource {
  readonly file: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Monotonic. */
  readonly nowMs: () => number
}

/** Says whether an `Authorization` header is good. */
export type BearerCheck = (authorization: string | undefined) => boolean

/**
 * Undefined where no token is set.
 * @throws INVALID_OPTIONS for a file that cannot be read, a token that is too short, and two sources at once
 */
export function bearerCheck({ file, env, cwd, nowMs }: TokenSource): BearerCheck | undefined {
  const fromEnv = env[tokenVariable] ?? ''
  if (file !== undefined && fromEnv !== '') {
    throw invalid(`the token is in --http-token-file and in ${tokenVariable}: give one of them`, file)
  }
  if (file === undefined) {
    if (fromEnv === '') return undefined
    const wanted = digestOf(checked(fromEnv.trim(), tokenVariable))
    return (authorization) => brings(authorization, wanted)
  }
  const path = resolve(cwd, file)
  let wanted = digestOf(tokenIn(path))
  let readAtMs = nowMs()
  return (authorization) => {
    if (nowMs() - readAtMs >= rereadMs) {
      readAtMs = nowMs()
      wanted = rereadOf(path) ?? wanted
    }
    return brings(authorization, wanted)
  }
}

/** Digests have one length, so that the comparison tells nothing about the token's. */
function brings(authorization: string | undefined, wanted: Buffer): boolean {
  const given = /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digestOf(given), wanted)
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function tokenIn(path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw invalid(`the token file '${path}' cannot be read: ${why}`, path, cause)
  }
  return checked(text.trim(), `the token file '${path}'`)
}

/** In the middle of being replaced it may be missing or empty: the old token goes on until a good one is there. */
function rereadOf(path: string): Buffer | undefined {
  try {
    return digestOf(tokenIn(path))
  } catch {
    return undefined
  }
}

function checked(token: string, where: string): string {
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < minLength || token.length > maxLength) {
    const what = `${minLength} to ${maxLength} printable ASCII characters without blanks`
    throw invalid(
      `${where} holds no token: write ${what}, such as the output of: openssl rand -hex 32`,
      where,
    )
  }
  return token
}

function invalid(message: string, value: string, cause?: unknown): MandateError<'INVALID_OPTIONS'> {
  return new MandateError('INVALID_OPTIONS', message, { option: 'http-token', value }, { cause })
}
