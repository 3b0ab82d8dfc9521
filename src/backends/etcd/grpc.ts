/** The one file that loads the gRPC library, and is loaded when a backend starts. */
import { createClient } from '@connectrpc/connect'
import type { Client, Interceptor } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import type { Link } from './link.ts'
import { Auth, KV, Lease, Watch } from './rpc.generated.ts'
import type { ResponseHeader } from './rpc.generated.ts'

export interface EtcdApi {
  readonly kv: Client<typeof KV>
  readonly watch: Client<typeof Watch>
  readonly lease: Client<typeof Lease>
  readonly auth: Client<typeof Auth>
}

/** etcd answers no more than 1.5 MiB per request of its own, but the keys of one election can be more. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** `heard`: called with the header of every answer before anybody gets it; what it throws is the call's error. */
export function etcdApi(link: Link, heard: (header: ResponseHeader) => void): EtcdApi {
  const transport = createGrpcTransport({
    baseUrl: link.authority,
    sessionManager: link,
    acceptCompression: [],
    readMaxBytes: ANSWER_BYTES_MAX,
    interceptors: [hearing(heard)],
  })
  return {
    kv: createClient(KV, transport),
    watch: createClient(Watch, transport),
    lease: createClient(Lease, transport),
    auth: createClient(Auth, transport),
  }
}

function hearing(heard: (header: ResponseHeader) => void): Interceptor {
  const check = <T extends object>(message: T): T => {
    const { header } = message as { readonly header?: ResponseHeader }
    if (header !== undefined) heard(header)
    return message
  }
  return (next) => async (request) => {
    const response = await next(request)
    if (!response.stream) {
      check(response.message)
      return response
    }
    return { ...response, message: checked(response.message, check) }
  }
}

async function* checked<T>(messages: AsyncIterable<T>, check: (message: T) => T): AsyncIterable<T> {
  for await (const message of messages) yield check(message)
}
