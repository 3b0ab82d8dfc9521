/** The one file that loads the gRPC library, and is loaded when a backend starts. */
import { createClient } from '@connectrpc/connect'
import type { Client } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import type { Link } from './link.ts'
import { Auth, KV, Lease, Watch } from './rpc.generated.ts'

export interface EtcdApi {
  readonly kv: Client<typeof KV>
  readonly watch: Client<typeof Watch>
  readonly lease: Client<typeof Lease>
  readonly auth: Client<typeof Auth>
}

/** etcd answers no more than 1.5 MiB per request of its own, but the keys of one election can be more. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export function etcdApi(link: Link): EtcdApi {
  const transport = createGrpcTransport({
    baseUrl: link.authority,
    sessionManager: link,
    acceptCompression: [],
    readMaxBytes: ANSWER_BYTES_MAX,
  })
  return {
    kv: createClient(KV, transport),
    watch: createClient(Watch, transport),
    lease: createClient(Lease, transport),
    auth: createClient(Auth, transport),
  }
}
