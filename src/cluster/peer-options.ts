/** What one peer needs to run. */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Entry } from '../protocols/raft/types.ts'
import type { Command } from '../registry/types.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import type { ProcessIdentity, Storage } from '../seams/storage.ts'
import type { Transport } from '../seams/transport.ts'
import type { HolderMessage, LogRecord, PeerMessage, PeerRecord, SponsorMessage } from './messages.ts'

export interface PeerTiming {
  readonly heartbeatMs: number
  readonly electionTimeoutMs: readonly [min: number, max: number]
  readonly maxClockDrift: number
  readonly tickMs: number
}

/** `fixed`: timeouts as configured. `adaptive`: shorter where the measured network allows it (docs/detection.md). */
export type TuningMode = 'fixed' | 'adaptive'

export interface PeerOptions {
  readonly self: PeerId
  /** id → address; the addresses are for `status` only. */
  readonly peers: Readonly<Record<PeerId, string>>
  readonly cluster: string
  readonly tokenBase: bigint
  readonly timing: PeerTiming
  /** @default 'fixed' */
  readonly tuning?: TuningMode | undefined
  /** Above it new campaigns are refused, in bytes. */
  readonly logBytesMax: number
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly storage: Storage<LogRecord>
  /** Made once the storage is open, because the handshake carries what it recovered. */
  readonly transport: (identity: PeerIdentity) => PeerTransport
  report(failure: { readonly during: string; readonly error: unknown }): void
  /** What cannot be seen at the seams; for the simulator. */
  readonly tap?: PeerTap | undefined
}

export interface PeerTap {
  /** Before they are applied. */
  committed(entries: readonly Entry<Command>[]): void
  /** This peer leads in this term. */
  led(term: number): void
  /** This peer leads no more. `term`: the one it is in now; that which it led, if it gave up of itself. */
  steppedDown(term: number): void
}

/** What the handshake needs of the disk. */
export interface PeerIdentity extends ProcessIdentity {
  /** The other peers as they were let in before. */
  readonly remembered: readonly PeerRecord[]
  /** To be written down: a process of another peer was let in for the first time. */
  remember(record: PeerRecord): void
}

export type PeerTransport = Transport<PeerMessage, HolderMessage, SponsorMessage>
