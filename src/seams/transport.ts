/**
 * How a peer speaks to the other peers and to clients. Messages may be lost with a connection, never corrupted or
 * reordered within one lane of one connection; lanes overtake each other.
 */

/** `urgent`: votes, heartbeats, keepalives. `bulk`: log entries. Bulk never delays urgent. */
export type Lane = 'urgent' | 'bulk'

/** One connection of a client, as the peer that accepted it knows it. */
export type ClientId = number

export interface TransportEvents<PeerMessage, FromClient> {
  /** Our link to `peer` is up and its handshake accepted. `incarnation` grows with each start of that peer. */
  peerUp(peer: string, incarnation: number): void
  /** Our link to `peer` broke. By itself a hint only. */
  peerDown(peer: string, reason: string): void
  /** The link broke and an immediate reconnect was refused by the peer's host: death evidence (DESIGN §4.2). */
  peerRefused(peer: string): void
  peerMessage(from: string, message: PeerMessage): void
  clientMessage(client: ClientId, message: FromClient): void
  clientGone(client: ClientId): void
}

export interface Transport<PeerMessage, FromClient, ToClient> {
  /** Listens and starts to dial the peers. @throws ADDRESS_IN_USE, INSECURE_LISTENER */
  start(events: TransportEvents<PeerMessage, FromClient>): Promise<void>
  /** Fire and forget; dropped (and counted) while the link is down or its bounded queue is full. */
  send(to: string, message: PeerMessage, lane: Lane): void
  sendToClient(client: ClientId, message: ToClient): void
  /** Why a peer is not connected, for `status` and the no-quorum line; undefined while it is. */
  problem(peer: string): string | undefined
  /** Ends every connection and the listener. Idempotent. */
  close(): Promise<void>
}

/** What a client hears from the one peer it is connected to. */
export interface ClientEvents<ToClient> {
  message(message: ToClient): void
  /** Once, unless the client closed the connection itself. Nothing is called after it. */
  closed(reason: string): void
}

/** A client's end of its connection to one peer. */
export interface ClientConnection<FromClient> {
  /** Who answered. */
  readonly peer: string
  readonly cluster: string
  /** Fire and forget: lost if the connection breaks. @throws LIMIT_EXCEEDED for more than fits a frame */
  send(message: FromClient): void
  /** Idempotent; no event afterwards. */
  close(): void
}

export interface ConnectRequest<ToClient> {
  readonly address: string
  /** Refused by a peer of another cluster; undefined = any. */
  readonly cluster?: string | undefined
  readonly events: ClientEvents<ToClient>
  readonly signal?: AbortSignal | undefined
}

/** @throws CANCELLED, BACKEND_UNAVAILABLE (nobody answers), CLUSTER_MISMATCH, PROTOCOL_ERROR, LIMIT_EXCEEDED */
export type ConnectClient<FromClient, ToClient> = (
  request: ConnectRequest<ToClient>,
) => Promise<ClientConnection<FromClient>>
