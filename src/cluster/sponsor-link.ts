/** A holder's or reader's way to a peer: in this process, or over TCP with a change of peers when one is lost. */
import type { MandateError } from '../errors.ts'
import type { SessionHost } from '../registry/types.ts'
import type { HolderMessage, SponsorMessage } from './messages.ts'

export interface SponsorLinkEvents<ToHolder = SponsorMessage> {
  /** Connected, again or for the first time: whoever was attached attaches again. Never called inside `connect`. */
  up(): void
  /** Lost, or: none of the peers could be reached, as often as all were tried. */
  down(reason: string): void
  message(message: ToHolder): void
  /** Where the link `beats`: at least once a heartbeat, when the peer of this process sends something anyway. */
  beat?(): void
  /** The peer in this process stopped by itself, and no link to it comes up again. No event afterwards. */
  gone(error: MandateError): void
}

export interface SponsorLink<FromHolder = HolderMessage> {
  /** The peer process this holder lives in; null for a client. */
  readonly host: SessionHost | null
  /** The sponsor calls `beat`, so that periodic duties need no timer of their own. */
  readonly beats: boolean
  /** Lost while the link is down. */
  send(message: FromHolder): void
  /** The sponsor answers but its cluster does not: try another one, if there is a choice. */
  change(reason: string): void
  /** No event afterwards. Idempotent. */
  close(): void
}

export type ConnectSponsor<FromHolder = HolderMessage, ToHolder = SponsorMessage> = (
  events: SponsorLinkEvents<ToHolder>,
) => SponsorLink<FromHolder>
