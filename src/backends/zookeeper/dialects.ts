/**
 * How the candidates of one election write themselves into ZooKeeper: three layouts that others invented, and that do
 * not mix. Curator sorts a child by the text behind the last `latch-` or `lock-` in its name, by its whole name if there is
 * none (`LockInternalsSorter`); kazoo counts only children that match its pattern, by their ten digits. So each sees the
 * other's nodes in the wrong place or not at all, and no single name satisfies both.
 */
import { createHash } from 'node:crypto'
import type { Random } from '../../seams/random.ts'

export type ZooKeeperDialect = 'curator-latch' | 'curator-lock' | 'kazoo'

export interface Dialect {
  /** The name to ask for; the server appends ten digits. */
  prefix(guid: string): string
  /** The contenders among the children, the leader first, exactly as the native peers order them. */
  order(children: readonly string[]): readonly string[]
  /** Of a name that one of ours made: the 32 hex digits that were given to `prefix`. */
  guidOf(name: string): string | undefined
  /** What a native peer writes to ask a holder to let go. */
  readonly revocation: string | undefined
}

export const dialects: Readonly<Record<ZooKeeperDialect, Dialect>> = {
  'curator-latch': curator('latch-', undefined),
  // `Revoker.attemptRevoke` writes this into the holder's node.
  'curator-lock': curator('lock-', '__REVOKE__'),
  kazoo: kazoo(),
}

function curator(word: string, revocation: string | undefined): Dialect {
  const pattern = /^_c_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-/
  const sortKey = (name: string): string => {
    const at = name.lastIndexOf(word)
    return at === -1 ? name : name.slice(at + word.length)
  }
  return {
    prefix: (guid) => `_c_${withDashes(guid)}-${word}`,
    order: (children) => byKey(children.map((name) => ({ name, key: sortKey(name) }))),
    guidOf: (name) => pattern.exec(name)?.[1]?.replaceAll('-', ''),
    revocation,
  }
}

function kazoo(): Dialect {
  const pattern = /^(?<guid>[0-9a-f]{32})__lock__/
  const contender = /__lock__(?<key>-?\d{10})$/
  return {
    prefix: (guid) => `${guid}__lock__`,
    order: (children) =>
      byKey(
        children.flatMap((name) => {
          const key = contender.exec(name)?.groups?.['key']
          return key === undefined ? [] : [{ name, key }]
        }),
      ),
    guidOf: (name) => pattern.exec(name)?.groups?.['guid'],
    revocation: undefined,
  }
}

/** As Java's and Python's own: by code units, not by number, and stable. */
function byKey(named: readonly { readonly name: string; readonly key: string }[]): readonly string[] {
  return named.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ name }) => name)
}

function withDashes(guid: string): string {
  return [guid.slice(0, 8), guid.slice(8, 12), guid.slice(12, 16), guid.slice(16, 20), guid.slice(20)].join(
    '-',
  )
}

/**
 * A UUID of version 8 (RFC 9562, §5.8): twelve digits that name the candidate id, so that its nodes are known without
 * reading them, and the rest by chance, so that a create whose answer was lost is found again. Native peers draw theirs
 * in version 4.
 */
export function newGuid(candidateId: string, random: Random): string {
  const chance = `${random.id()}${random.id()}`
  return `${candidateTag(candidateId)}8${chance.slice(0, 3)}8${chance.slice(3, 18)}`
}

/** The candidate's twelve digits in a guid of ours; undefined for a native peer's. */
export function tagOf(guid: string): string | undefined {
  return guid[12] === '8' ? guid.slice(0, 12) : undefined
}

export function candidateTag(candidateId: string): string {
  return createHash('sha256').update(candidateId).digest('hex').slice(0, 12)
}
