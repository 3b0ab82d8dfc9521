/** The records of the protocol that more than one message carries (`zookeeper.jute`). */
import { JuteReader, JuteWriter } from './jute.ts'

export interface Stat {
  /** The zxid of the write that created the znode: epoch << 32 | counter. Never moves. */
  readonly czxid: bigint
  readonly mzxid: bigint
  readonly ctimeMs: bigint
  readonly version: number
  readonly childVersion: number
  /** The session whose end deletes the znode; 0n = nobody's. */
  readonly ephemeralOwner: bigint
  readonly childCount: number
}

export function readStat(reader: JuteReader): Stat {
  const czxid = reader.long()
  const mzxid = reader.long()
  const ctimeMs = reader.long()
  reader.long()
  const version = reader.int()
  const childVersion = reader.int()
  reader.int()
  const ephemeralOwner = reader.long()
  reader.int()
  const childCount = reader.int()
  reader.long()
  return { czxid, mzxid, ctimeMs, version, childVersion, ephemeralOwner, childCount }
}

/** `perms`: read 1, write 2, create 4, delete 8, admin 16. */
export interface Acl {
  readonly perms: number
  readonly scheme: string
  readonly id: string
}

export function writeAcl(writer: JuteWriter, acl: Acl): void {
  writer.int(acl.perms).text(acl.scheme).text(acl.id)
}

export function readAcl(reader: JuteReader): Acl {
  return { perms: reader.int(), scheme: reader.text(), id: reader.text() }
}

export interface ConnectRequest {
  /** 0n: a new session. */
  readonly sessionId: bigint
  readonly password: Uint8Array
  readonly timeoutMs: number
  /** A server that knows less refuses the connection, so that a client never travels back in time. */
  readonly lastZxidSeen: bigint
}

export const noPassword: Uint8Array = Buffer.alloc(16)

/** The first frame of a connection; it has no header. */
export function encodeConnect(request: ConnectRequest): Buffer {
  return new JuteWriter()
    .int(0)
    .long(request.lastZxidSeen)
    .int(request.timeoutMs)
    .long(request.sessionId)
    .buffer(request.password)
    .bool(false)
    .frame()
}

export interface ConnectReply {
  /** What the server grants, within its own bounds; 0 or less: the session has expired. */
  readonly timeoutMs: number
  readonly sessionId: bigint
  readonly password: Uint8Array
}

export function decodeConnect(frame: Buffer): ConnectReply {
  const reader = new JuteReader(frame)
  reader.int()
  // Servers before 3.4 end here; whether the server is read-only does not matter, because it was not allowed to be.
  return { timeoutMs: reader.int(), sessionId: reader.long(), password: reader.buffer() }
}

/** Why a watch went off. */
export type WatchEventType = 'created' | 'deleted' | 'changed' | 'children' | 'none'

export interface WatchEvent {
  readonly type: WatchEventType
  readonly path: string
}

const eventTypes: ReadonlyMap<number, WatchEventType> = new Map([
  [1, 'created'],
  [2, 'deleted'],
  [3, 'changed'],
  [4, 'children'],
])

export function readWatchEvent(reader: JuteReader): WatchEvent {
  const type = reader.int()
  reader.int()
  return { type: eventTypes.get(type) ?? 'none', path: reader.text() }
}
