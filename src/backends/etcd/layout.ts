/** Where an election lives in etcd, and what its values say: the layout of Go's `concurrency.Election`, as `etcdctl elect`. */
import type { LeaderRecord, Metadata } from '../backend.ts'
import type { LayoutName } from './options.ts'
import type { KeyValue } from './rpc.generated.ts'

/** Of the keys of one backend. */
export interface Layout {
  /** All keys of an election begin with it. Ends in '/', so that no election's keys are inside another's of its side. */
  electionPrefix(election: string): string
  /** The key of one session in an election: there is at most one. */
  key(election: string, lease: bigint): string
}

/** `prefix`: '' or a path; elections are under it. */
export function layoutOf(name: LayoutName, prefix: string): Layout {
  const root = prefix === '' ? '' : `${prefix}/`
  switch (name) {
    case 'go': {
      const electionPrefix = (election: string): string => `${root}${election}/`
      // Go's %x: no leading zeros.
      return { electionPrefix, key: (election, lease) => `${electionPrefix(election)}${lease.toString(16)}` }
    }
    case 'etcd3': {
      // The package's own prefix, and its lease ids in decimal.
      const electionPrefix = (election: string): string => `${root}election/${election}/`
      return { electionPrefix, key: (election, lease) => `${electionPrefix(election)}${lease}` }
    }
    default:
      return name satisfies never
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const bytes = (text: string): Uint8Array => encoder.encode(text)
export const text = (value: Uint8Array): string => decoder.decode(value)

/** The end of the range of all keys that begin with `prefix`, whose last byte is below 255. */
export function rangeEnd(prefix: string): Uint8Array {
  const end = bytes(prefix)
  end[end.length - 1]!++
  return end
}

/**
 * The candidate id on the first line, so that `etcdctl elect -l` and other tools show it as it is; metadata, if there is
 * any, as JSON on the second. An id holds no line break, and a foreign value without such a second line is an id.
 */
export function encodeValue(id: string, metadata: Metadata): Uint8Array {
  const rest = Object.keys(metadata).length === 0 ? '' : `\n${JSON.stringify({ metadata })}`
  return bytes(`${id}${rest}`)
}

/** Of a foreign value that is shown as an id. */
const FOREIGN_ID_MAX = 253

// oxlint-disable-next-line no-control-regex -- what a terminal would obey is what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu

export function decodeValue(value: Uint8Array): { readonly id: string; readonly metadata: Metadata } {
  const whole = text(value)
  const lineBreak = whole.indexOf('\n')
  const metadata = lineBreak === -1 ? undefined : metadataIn(whole.slice(lineBreak + 1))
  const id = metadata === undefined ? whole : whole.slice(0, lineBreak)
  return { id: id.slice(0, FOREIGN_ID_MAX).replaceAll(CONTROL, '\ufffd'), metadata: metadata ?? {} }
}

function metadataIn(json: string): Metadata | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { metadata } = parsed as { metadata?: unknown }
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return undefined
  const entries = Object.entries(metadata)
  return entries.every(([, each]) => typeof each === 'string') ? Object.fromEntries(entries) : undefined
}

export function leaderIn(kv: KeyValue, tokenBase: bigint): LeaderRecord {
  return { ...decodeValue(kv.value), token: tokenBase + kv.createRevision }
}
