/**
 * What is written into the key of an election. Foreign tools ignore the value of a lock (`consul lock`, Go's `api.Lock`
 * look at the session and the flags alone), so it can carry who leads; theirs is often empty.
 */

/** `api.LockFlagValue`, 0x2ddccbc058a50c18: who finds another flag in a key never competes for it. Above 2^53. */
export const LOCK_FLAG = 3304740253564472344n

/** `api.SemaphoreFlagValue`, at the same `.lock` key: `consul lock -n 3 NAME`. */
export const SEMAPHORE_FLAG = 0xe0f69a2baa414de0n

export interface LockValue {
  readonly id: string
  readonly metadata: Readonly<Record<string, string>>
  /** The session that wrote it: a value that another holder left behind says nothing about the present one. */
  readonly session: string
  /** ModifyIndex of the acquisition, where the value was rewritten since; null: the entry's own. */
  readonly index: bigint | null
}

const FORMAT = 1

export function encodeLockValue({ id, metadata, session, index }: LockValue): string {
  const value = {
    mandate: FORMAT,
    id,
    session,
    metadata,
    ...(index === null ? {} : { index: index.toString() }),
  }
  return JSON.stringify(value)
}

/** Undefined for what Mandate did not write. */
export function decodeLockValue(text: string): LockValue | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { mandate, id, session, metadata, index } = value as Record<string, unknown>
  if (mandate !== FORMAT || typeof id !== 'string' || typeof session !== 'string') return undefined
  if (index !== undefined && !(typeof index === 'string' && /^\d{1,20}$/.test(index))) return undefined
  return {
    id,
    session,
    metadata: isMetadata(metadata) ? metadata : {},
    index: index === undefined ? null : BigInt(index),
  }
}

function isMetadata(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((each) => typeof each === 'string')
}

/** Why a key is not the lock of an election; undefined if it is one. */
export function foreignUse(flags: bigint): string | undefined {
  if (flags === LOCK_FLAG) return undefined
  if (flags === SEMAPHORE_FLAG) return "holds a semaphore (`consul lock -n`, Go's api.Semaphore)"
  return `has flags ${flags}, not ${LOCK_FLAG}: it is no lock, or was written by a client that drops or rounds them`
}
