/** The few transactions that an election needs, as etcd's messages. All of them may be carried out twice. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CallContext } from './cluster.ts'
import type { EtcdApi } from './grpc.ts'
import { bytes, rangeEnd } from './layout.ts'
import type { KeyValue, RequestOpSchema, TxnResponse } from './rpc.generated.ts'

type Op = MessageInitShape<typeof RequestOpSchema>
type Ask<T> = (api: EtcdApi, context: CallContext) => Promise<T>

const ascending = 1
const descending = 2
const byCreateRevision = 2
const createRevision = 1
const modRevision = 2

/** Enough for any queue that is looked at as a whole; a longer one is looked at from its end. */
export const QUEUE_MAX = 1000n

export interface Place {
  /** Create revision of the own key. */
  readonly revision: bigint
  /** Of the store, when this was read. */
  readonly at: bigint
  /** The own key as it was found. Undefined: there was none, and `stand` has put it. */
  readonly own: KeyValue | undefined
  /** Those before the own key, the nearest first; at most `QUEUE_MAX`. */
  readonly ahead: readonly KeyValue[]
  /** Everybody in the election. */
  readonly all: readonly KeyValue[]
}

/** Stands in the queue, or finds that an earlier try does. */
export function stand(prefix: string, key: string, value: Uint8Array, lease: bigint): Ask<Place> {
  const queue = rangeOp({ key: bytes(prefix), rangeEnd: rangeEnd(prefix), sortOrder: ascending })
  return async ({ kv }, context) => {
    const reply = await kv.txn(
      {
        compare: [isRevision(key, 0n)],
        success: [{ request: { case: 'put', value: { key: bytes(key), value, lease } } }, queue],
        failure: [rangeOp({ key: bytes(key) }), queue],
      },
      context,
    )
    const all = rangeOf(reply, 1)
    const at = reply.header?.revision ?? 0n
    const own = reply.succeeded ? undefined : rangeOf(reply, 0)[0]
    const revision = own?.createRevision ?? at
    const ahead = all.filter((each) => each.createRevision < revision).toReversed()
    return { revision, at, own, ahead, all }
  }
}

/** Where the own key stands now. */
export function look(prefix: string, key: string, revision: bigint): Ask<Place> {
  const own = rangeOp({ key: bytes(key) })
  const before = {
    key: bytes(prefix),
    rangeEnd: rangeEnd(prefix),
    maxCreateRevision: revision - 1n,
    keysOnly: true,
  }
  const ahead = rangeOp({ ...before, sortOrder: descending })
  return async ({ kv }, context) => {
    const reply = await kv.txn({ success: [own, ahead] }, context)
    const [found] = rangeOf(reply, 0)
    const queue = rangeOf(reply, 1)
    return { revision, at: reply.header?.revision ?? 0n, own: found, ahead: queue, all: queue }
  }
}

/**
 * True if the key was this candidacy's, and is now gone. Without a revision it is that of a request whose answer was lost,
 * and is looked up: a removal that lands late, from a server that was paused, must not hit whoever stands there by then.
 */
export function withdraw(key: string, revision: bigint | undefined): Ask<boolean> {
  const remove: Op = { request: { case: 'deleteRange', value: { key: bytes(key) } } }
  return async ({ kv }, context) => {
    const found = revision ?? (await kv.range({ key: bytes(key) }, context)).kvs[0]?.createRevision
    if (found === undefined) return false
    const reply = await kv.txn({ compare: [isRevision(key, found)], success: [remove] }, context)
    const [removed] = reply.responses
    return reply.succeeded && removed?.response.case === 'deleteRange' && removed.response.value.deleted > 0n
  }
}

/** What became of a new value. `at`: when the key was changed last. */
export type Replaced =
  | { readonly is: 'done'; readonly at: bigint }
  /** It was changed since; the value is another one. */
  | { readonly is: 'changed'; readonly at: bigint }
  /** It is no longer that of this candidacy. */
  | { readonly is: 'gone' }

/**
 * Only on what the key was at `at`: an attempt that was given up and lands late, after a newer value, would take that back.
 */
export function replaceValue(
  key: string,
  { revision, at }: { readonly revision: bigint; readonly at: bigint },
  value: Uint8Array,
  lease: bigint,
): Ask<Replaced> {
  return async ({ kv }, context) => {
    const put: Op = { request: { case: 'put', value: { key: bytes(key), value, lease } } }
    const compare = [isRevision(key, revision), isUnchangedSince(key, at)]
    const reply = await kv.txn({ compare, success: [put], failure: [rangeOp({ key: bytes(key) })] }, context)
    if (reply.succeeded) return { is: 'done', at: reply.header?.revision ?? at }
    const [found] = rangeOf(reply, 0)
    if (found?.createRevision !== revision) return { is: 'gone' }
    const isThere = Buffer.from(found.value).equals(value)
    return { is: isThere ? 'done' : 'changed', at: found.modRevision }
  }
}

/** Everybody in the election, the leader first. */
export function queueOf(prefix: string): Ask<{ readonly at: bigint; readonly all: readonly KeyValue[] }> {
  const key = bytes(prefix)
  return async ({ kv }, context) => {
    const order = { sortOrder: ascending, sortTarget: byCreateRevision }
    const { header, kvs } = await kv.range({ key, rangeEnd: rangeEnd(prefix), ...order }, context)
    return { at: header?.revision ?? 0n, all: kvs }
  }
}

function rangeOp(range: {
  readonly key: Uint8Array
  readonly rangeEnd?: Uint8Array
  readonly sortOrder?: number
  readonly maxCreateRevision?: bigint
  readonly keysOnly?: boolean
}): Op {
  return { request: { case: 'range', value: { ...range, sortTarget: byCreateRevision, limit: QUEUE_MAX } } }
}

function isRevision(key: string, revision: bigint) {
  return {
    result: 0,
    target: createRevision,
    key: bytes(key),
    targetUnion: { case: 'createRevision' as const, value: revision },
  }
}

function isUnchangedSince(key: string, at: bigint) {
  return {
    result: 0,
    target: modRevision,
    key: bytes(key),
    targetUnion: { case: 'modRevision' as const, value: at },
  }
}

function rangeOf(reply: TxnResponse, index: number): readonly KeyValue[] {
  const { case: is, value } = reply.responses[index]?.response ?? { case: undefined, value: undefined }
  return is === 'range' ? value.kvs : []
}

export function isKey(kv: KeyValue, key: string): boolean {
  return Buffer.from(kv.key.buffer, kv.key.byteOffset, kv.key.byteLength).equals(bytes(key))
}
