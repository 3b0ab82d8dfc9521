/** How a process reaches the world as a peer or a client of an embedded cluster: real sockets, a real folder. */
import { logStorage } from '../cluster/log-storage.ts'
import type { LogRecord } from '../cluster/messages.ts'
import type { PeerIdentity } from '../cluster/peer-options.ts'
import { connectClientOf } from '../cluster/tcp-client.ts'
import { tcpTransportOf } from '../cluster/tcp-transport.ts'
import type { Wire } from '../cluster/wire.ts'
import type { Storage } from '../seams/storage.ts'
import type { ConnectClient, Transport } from '../seams/transport.ts'
import type { BackendEnv } from './backend.ts'
import type { RaftOptions } from './raft-options.ts'

interface PeerEdges<ToPeer, FromHolder, ToHolder> {
  /** Of the peer in this process; null for a client. */
  readonly peer: {
    readonly self: string
    readonly storage: Storage<LogRecord>
    readonly transport: (identity: PeerIdentity) => Transport<ToPeer, FromHolder, ToHolder>
  } | null
  readonly connectClient: ConnectClient<FromHolder, ToHolder>
}

interface EdgeEnv {
  /** What folders and handshakes compare. */
  readonly cluster: string
  readonly heartbeatMs: number
  readonly env: BackendEnv
}

export function peerEdges<ToPeer, FromHolder, ToHolder>(
  options: Pick<RaftOptions, 'self' | 'peers' | 'dataDir' | 'listen' | 'insecure'>,
  wire: Wire<ToPeer, FromHolder, ToHolder>,
  { cluster, heartbeatMs, env }: EdgeEnv,
): PeerEdges<ToPeer, FromHolder, ToHolder> {
  const { self, peers, dataDir, insecure = false } = options
  const dial = connectClientOf(wire)
  const connectClient: ConnectClient<FromHolder, ToHolder> = (request) => dial({ ...request, cluster })
  if (self === undefined || dataDir === undefined) return { peer: null, connectClient }
  const { clock, random } = env
  const report = env.report.bind(env)
  const listen = options.listen ?? peers[self] ?? ''
  const common = { self, cluster, peers, listen, insecure, heartbeatMs, clock, random, report }
  return {
    connectClient,
    peer: {
      self,
      storage: logStorage({ dataDir, cluster, peer: self, random, report }),
      transport: (identity) => tcpTransportOf(wire, { ...identity, ...common }),
    },
  }
}
