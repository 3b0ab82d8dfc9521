/** What an engine says over the transport: to the other peers, and to the holders and readers that are no peers. */
import { holderMessages, peerMessages, sponsorMessages, type Codec } from './codec.ts'
import type { HolderMessage, PeerMessage, SponsorMessage } from './messages.ts'

export interface Wire<ToPeer, FromHolder, ToHolder> {
  /** Named in the handshake: peers of different engines refuse each other. */
  readonly engine: 'raft' | 'paxos' | 'bully' | 'bully-classic'
  readonly peers: Codec<ToPeer>
  readonly fromHolders: Codec<FromHolder>
  readonly toHolders: Codec<ToHolder>
  /** What a newer message of the same key makes worthless while it waits; undefined: nothing. */
  supersedes(message: ToPeer): string | undefined
}

export const raftWire: Wire<PeerMessage, HolderMessage, SponsorMessage> = {
  engine: 'raft',
  peers: peerMessages,
  fromHolders: holderMessages,
  toHolders: sponsorMessages,
  supersedes(message) {
    // Votes and entries have no key.
    if (message.kind === 'raft') {
      const { type } = message.message
      return type === 'heartbeat' || type === 'heartbeat-reply' ? type : undefined
    }
    if (message.kind !== 'support') return undefined
    const { type, session } = message.message
    return type === 'keepalive' || type === 'keepalive-ack' ? `${type} ${session}` : undefined
  },
}
