/** What one peer needs to run. */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import type { Storage } from '../seams/storage.ts'
import type { Transport } from '../seams/transport.ts'
import type { HolderMessage, LogRecord, PeerMessage, SponsorMessage } from './messages.ts'

export interface PeerTiming {
  readonly heartbeatMs: number
  readonly electionTimeoutMs: readonly [min: number, max: number]
  readonly maxClockDrift: number
  readonly tickMs: number
}

export interface PeerOptions {
  readonly self: PeerId
  /** id → address; the addresses are for `status` only. */
  readonly peers: Readonly<Record<PeerId, string>>
  readonly cluster: string
  readonly tokenBase: bigint
  readonly timing: PeerTiming
  /** Above it new campaigns are refused, in bytes. */
  readonly logBytesMax: number
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly storage: Storage<LogRecord>
  /** Made once the storage is open, because the handshake carries what it recovered. */
  readonly transport: (identity: {
    readonly storageId: string
    readonly incarnation: number
  }) => PeerTransport
  report(failure: { readonly during: string; readonly error: unknown }): void
}

export type PeerTransport = Transport<PeerMessage, HolderMessage, SponsorMessage>
