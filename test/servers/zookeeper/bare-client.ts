/** The wire client alone, for what an operator would do by hand. */
import { ZooKeeperClient } from '../../../src/clients/zookeeper/client.ts'
import { isZooKeeperError } from '../../../src/clients/zookeeper/error-codes.ts'
import { systemClock } from '../../../src/system/clock.ts'
import { systemRandom } from '../../../src/system/random.ts'

export const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }]

/** Connected. `close` it. */
export async function bareClient(
  servers: readonly string[],
  o: { readonly auth?: string; readonly timeoutMs?: number; readonly frameBytesMax?: number } = {},
): Promise<ZooKeeperClient> {
  const client = new ZooKeeperClient({
    clock: systemClock(),
    random: systemRandom(),
    servers,
    chroot: '',
    timeoutMs: o.timeoutMs ?? 4000,
    tickMs: undefined,
    openMs: 10_000,
    auth: o.auth === undefined ? [] : [{ scheme: 'digest', credentials: Buffer.from(o.auth) }],
    tls: undefined,
    frameBytesMax: o.frameBytesMax ?? 1024 * 1024,
  })
  client.start()
  await client.sync('/')
  return client
}

/** The names below a znode, none if it is not there. */
export async function childrenOf(servers: readonly string[], path: string): Promise<readonly string[]> {
  const client = await bareClient(servers)
  try {
    return (await client.getChildren(path)).children
  } catch (error) {
    if (isZooKeeperError(error, 'NONODE')) return []
    throw error
  } finally {
    client.close()
  }
}
