/** The requests this client knows, as data, and what their replies carry. Paths here are whole: chroot included. */
import { ZooKeeperError, errorName } from './error-codes.ts'
import { JuteWriter, protocolError } from './jute.ts'
import type { JuteReader } from './jute.ts'
import { readAcl, readStat, writeAcl } from './records.ts'
import type { Acl, Stat } from './records.ts'

export type CreateMode = 'persistent' | 'ephemeral' | 'ephemeral-sequential' | 'container'

interface Create {
  readonly op: 'create'
  readonly path: string
  readonly data: Uint8Array
  readonly acl: readonly Acl[]
  readonly mode: CreateMode
}
interface Delete {
  readonly op: 'delete'
  readonly path: string
  /** -1: any. */
  readonly version: number
}
interface SetData {
  readonly op: 'setData'
  readonly path: string
  readonly data: Uint8Array
  readonly version: number
}
interface Check {
  readonly op: 'check'
  readonly path: string
  readonly version: number
}

/** What a transaction may hold. */
export type MultiOperation = Create | Delete | SetData | Check

export type Operation =
  | Create
  | Delete
  | SetData
  | { readonly op: 'exists'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getData'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getChildren'; readonly path: string; readonly watch: boolean }
  | { readonly op: 'getAcl'; readonly path: string }
  /** The znodes of this very session whose paths begin so; needs no right, and ZooKeeper 3.6. */
  | { readonly op: 'getEphemerals'; readonly path: string }
  | { readonly op: 'sync'; readonly path: string }
  | { readonly op: 'multi'; readonly operations: readonly MultiOperation[] }
  | { readonly op: 'closeSession' }

export interface Created {
  readonly path: string
  readonly stat: Stat
}

/** By operation, what its reply carries. */
export interface Replies {
  readonly create: Created
  readonly delete: undefined
  readonly setData: Stat
  readonly exists: Stat
  readonly getData: { readonly data: Buffer; readonly stat: Stat }
  readonly getChildren: { readonly children: readonly string[]; readonly stat: Stat }
  readonly getAcl: readonly Acl[]
  readonly getEphemerals: readonly string[]
  readonly sync: undefined
  readonly multi: undefined
  readonly closeSession: undefined
}

export type Reply = Replies[keyof Replies]

const codes = {
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  sync: 9,
  getChildren: 12,
  check: 13,
  multi: 14,
  /** Unlike create (1) it answers with the Stat, and so with the czxid. */
  create: 15,
  createContainer: 19,
  auth: 100,
  setWatches: 101,
  getEphemerals: 103,
  closeSession: -11,
  ping: 11,
} as const

/** Negative ids are the protocol's own. */
export const xids = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const

const createFlags: Readonly<Record<CreateMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  'ephemeral-sequential': 3,
  container: 4,
}

export function encodeOperation(xid: number, operation: Operation): Buffer {
  const writer = new JuteWriter().int(xid).int(codeOf(operation))
  writeBody(writer, operation)
  return writer.frame()
}

export function encodePing(): Buffer {
  return new JuteWriter().int(xids.ping).int(codes.ping).frame()
}

export function encodeAuth(scheme: string, credentials: Uint8Array): Buffer {
  return new JuteWriter().int(xids.auth).int(codes.auth).int(0).text(scheme).buffer(credentials).frame()
}

export interface WatchedPaths {
  readonly data: readonly string[]
  readonly exist: readonly string[]
  readonly child: readonly string[]
}

/** The server tells at once of what changed since `relativeZxid`. */
export function encodeSetWatches(relativeZxid: bigint, paths: WatchedPaths): Buffer {
  const text = (writer: JuteWriter, path: string): void => void writer.text(path)
  return new JuteWriter()
    .int(xids.setWatches)
    .int(codes.setWatches)
    .long(relativeZxid)
    .list(paths.data, text)
    .list(paths.exist, text)
    .list(paths.child, text)
    .frame()
}

function codeOf(operation: Operation | Check): number {
  if (operation.op === 'create' && operation.mode === 'container') return codes.createContainer
  return codes[operation.op]
}

function writeBody(writer: JuteWriter, operation: Operation | Check): void {
  switch (operation.op) {
    case 'create':
      writer.text(operation.path).buffer(operation.data).list(operation.acl, writeAcl)
      writer.int(createFlags[operation.mode])
      return
    case 'delete':
    case 'check':
      writer.text(operation.path).int(operation.version)
      return
    case 'setData':
      writer.text(operation.path).buffer(operation.data).int(operation.version)
      return
    case 'exists':
    case 'getData':
    case 'getChildren':
      writer.text(operation.path).bool(operation.watch)
      return
    case 'getAcl':
    case 'getEphemerals':
    case 'sync':
      writer.text(operation.path)
      return
    case 'multi':
      for (const each of operation.operations) {
        writer.int(codeOf(each)).bool(false).int(-1)
        writeBody(writer, each)
      }
      writer.int(-1).bool(true).int(-1)
      return
    case 'closeSession':
      return
    default:
      operation satisfies never
  }
}

export interface ReplyHeader {
  readonly xid: number
  /** 0n or less on replies that belong to no transaction. */
  readonly zxid: bigint
  readonly error: number
}

export function readReplyHeader(reader: JuteReader): ReplyHeader {
  return { xid: reader.int(), zxid: reader.long(), error: reader.int() }
}

/** The reply's body, or the server's refusal. @throws PROTOCOL_ERROR */
export function readReply(reader: JuteReader, operation: Operation, error: number): Reply | ZooKeeperError {
  if (operation.op === 'multi') return readMulti(reader, operation.operations, error)
  if (error !== 0) return new ZooKeeperError(errorName(error), pathOf(operation))
  switch (operation.op) {
    case 'create':
      return { path: reader.text(), stat: readStat(reader) }
    case 'setData':
    case 'exists':
      return readStat(reader)
    case 'getData':
      return { data: reader.buffer(), stat: readStat(reader) }
    case 'getChildren':
      return { children: reader.list((each) => each.text()), stat: readStat(reader) }
    case 'getAcl':
      return reader.list(readAcl)
    case 'getEphemerals':
      return reader.list((each) => each.text())
    case 'delete':
    case 'sync':
    case 'closeSession':
      return undefined
    default:
      return operation satisfies never
  }
}

/**
 * All or nothing: of a transaction that failed every operation has an error, 0 for those before the one that is to
 * blame and RUNTIMEINCONSISTENCY for those behind it.
 */
function readMulti(
  reader: JuteReader,
  operations: readonly MultiOperation[],
  error: number,
): undefined | ZooKeeperError {
  if (error !== 0 && reader.left === 0) return new ZooKeeperError(errorName(error), operations[0]?.path)
  let refused: ZooKeeperError | undefined
  for (let index = 0; ; index += 1) {
    const type = reader.int()
    const done = reader.bool()
    reader.int()
    if (done) break
    const operation = operations[index]
    if (operation === undefined) throw protocolError('a transaction has more results than operations')
    if (type !== -1) {
      readResult(reader, type)
      continue
    }
    const name = errorName(reader.int())
    if (name !== 'OK' && name !== 'RUNTIMEINCONSISTENCY') refused ??= new ZooKeeperError(name, operation.path)
  }
  return refused ?? (error === 0 ? undefined : new ZooKeeperError(errorName(error), operations[0]?.path))
}

/** By the type that the server writes: it answers a `create2` inside a transaction as a plain create, without the Stat. */
function readResult(reader: JuteReader, type: number): void {
  switch (type) {
    case 1:
      reader.text()
      return
    case codes.create:
    case codes.createContainer:
      reader.text()
      readStat(reader)
      return
    case codes.setData:
      readStat(reader)
      return
    case codes.delete:
    case codes.check:
      return
    default:
      throw protocolError(`a transaction has a result of type ${type}`)
  }
}

export function pathOf(operation: Operation): string | undefined {
  if (operation.op === 'multi') return operation.operations[0]?.path
  return operation.op === 'closeSession' ? undefined : operation.path
}
