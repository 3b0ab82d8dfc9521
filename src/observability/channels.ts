import { channel } from 'node:diagnostics_channel'
import type { Channel } from 'node:diagnostics_channel'

/** What all messages carry. Tokens are decimal strings, so that any subscriber can serialise them. */
interface About {
  readonly election: string
  readonly candidateId: string
}

/** The messages by channel. Subscribe with `node:diagnostics_channel`; a subscriber runs inside the election. */
export interface ChannelMessages {
  /** A candidate stands, or stands again after a loss. */
  'mandate:campaign': About
  'mandate:elected': About & { readonly token: string; readonly tokenScope: string }
  'mandate:renewed': About & { readonly token: string; readonly remainingMs: number }
  /** A renewal may or may not have been written, so the record is read before the next one. Stores of records only. */
  'mandate:slow-renewal': About
  /** `reason` is a `LossReason`. */
  'mandate:lost': About & { readonly token: string; readonly reason: string }
}

const channels: { readonly [Name in keyof ChannelMessages]: Channel } = {
  'mandate:campaign': channel('mandate:campaign'),
  'mandate:elected': channel('mandate:elected'),
  'mandate:renewed': channel('mandate:renewed'),
  'mandate:slow-renewal': channel('mandate:slow-renewal'),
  'mandate:lost': channel('mandate:lost'),
}

/** Publishes what `message` builds; without a subscriber it is not even called. */
export function publish<Name extends keyof ChannelMessages>(
  name: Name,
  message: () => ChannelMessages[Name],
): void {
  const target = channels[name]
  if (target.hasSubscribers) target.publish(message())
}

/** For whoever would have to look for what to publish. */
export function hasSubscribers(name: keyof ChannelMessages): boolean {
  return channels[name].hasSubscribers
}
