/** The access that an application has already configured with `@kubernetes/client-node`. */
import type { RequestOptions } from 'node:https'
import { MandateError } from '../../../errors.ts'
import type { ClusterAccess, Credentials } from './access.ts'

/** The members of its `KubeConfig` (1.0 and newer) that are used. */
export interface KubeConfigLike {
  getCurrentContext(): string
  getContextObject(name: string): { readonly namespace?: string | undefined } | null
  getCurrentCluster(): {
    readonly server: string
    readonly skipTLSVerify?: boolean | undefined
    readonly tlsServerName?: string | undefined
  } | null
  /** Puts in what a request needs; a token that its program or its file renewed included. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>
}

/** Asked anew for each request, because it knows when its credentials expire. @throws INVALID_OPTIONS, UNSUPPORTED */
export async function fromClientNode(config: KubeConfigLike): Promise<ClusterAccess> {
  const cluster = config.getCurrentCluster()
  if (cluster === null || !URL.canParse(cluster.server)) {
    const expected = 'one whose current context names a cluster with a server'
    const message = `the KubeConfig's context ${JSON.stringify(config.getCurrentContext())} has no cluster: pass ${expected}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'kubeconfig', expected })
  }
  let options = await applied(config)
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    authorities: () => pem(options.ca),
    skipVerification: cluster.skipTLSVerify === true,
    serverName: cluster.tlsServerName,
    credentials: async (): Promise<Credentials> => {
      options = await applied(config)
      return {
        authorization: authorizationOf(options),
        certificate: pem(options.cert),
        key: pem(options.key),
      }
    },
  }
}

async function applied(config: KubeConfigLike): Promise<RequestOptions> {
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  if (options.pfx === undefined && options.passphrase === undefined) return options
  const message = 'the KubeConfig has its key in a PKCS #12 file or behind a passphrase: give it as plain PEM'
  throw new MandateError('UNSUPPORTED', message, { feature: 'encrypted client keys' })
}

function authorizationOf({ headers, auth }: RequestOptions): string | undefined {
  const entries = Array.isArray(headers) ? [] : Object.entries(headers ?? {})
  const [, header] = entries.find(([name]) => name.toLowerCase() === 'authorization') ?? []
  if (typeof header === 'string') return header
  return typeof auth === 'string' ? `Basic ${Buffer.from(auth).toString('base64')}` : undefined
}

function pem(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.toString('utf8')
  return typeof value === 'string' && value !== '' ? value : undefined
}
