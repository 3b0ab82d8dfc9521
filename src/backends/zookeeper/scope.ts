/**
 * What tokens compare within. ZooKeeper has no id of its own data, so the first who comes writes one, by chance, and
 * everybody else reads it: it is gone when the data is. It cannot tell a copy, or an older backup that was put back, from
 * the original; both would give zxids a second time.
 */
import { ownPath } from '../../fencing/zookeeper-layout.ts'
import { MandateError } from '../../errors.ts'
import type { Random } from '../../seams/random.ts'
import { isZooKeeperError } from '../../clients/zookeeper/error-codes.ts'
import type { Acl } from '../../clients/zookeeper/records.ts'
import { refusalOf } from './failures.ts'
import type { Place } from './failures.ts'

/** @throws UNAUTHORIZED, FORBIDDEN, DATA_CORRUPT, BACKEND_UNAVAILABLE */
export async function scopeOf(
  place: Place,
  o: { readonly random: Random; readonly acl: readonly Acl[] },
): Promise<string> {
  const { client, chroot } = place
  const mine = Buffer.from(o.random.id())
  for (;;) {
    try {
      const scope = (await readScope()) ?? (await makeScope())
      if (scope !== undefined) return scope
    } catch (error) {
      if (isZooKeeperError(error, 'BADVERSION', 'CONNECTIONLOSS') && client.end === undefined) continue
      const what = 'read or make the znode that names this data'
      throw await refusalOf(error, { what, path: ownPath, place })
    }
  }

  async function readScope(): Promise<string | undefined> {
    try {
      const { data, stat } = await client.getData(ownPath)
      if (data.length > 0) return checked(data.toString('utf8'), `${chroot}${ownPath}`)
      // Made by an administrator, who need not know what belongs into it.
      await client.multi([{ op: 'setData', path: ownPath, data: mine, version: stat.version }])
    } catch (error) {
      if (!isZooKeeperError(error, 'NONODE')) throw error
    }
    return undefined
  }

  /** Undefined: somebody else was faster; read again. */
  async function makeScope(): Promise<undefined> {
    try {
      await client.createChroot(o.acl)
      await client.create(ownPath, mine, { mode: 'persistent', acl: o.acl })
    } catch (error) {
      if (!isZooKeeperError(error, 'NODEEXISTS')) throw error
    }
    return undefined
  }
}

function checked(scope: string, path: string): string {
  if (/^[0-9a-f]{16}$/.test(scope)) return scope
  const reason = `its data is ${JSON.stringify(scope.slice(0, 40))}, not 16 hex digits`
  throw new MandateError(
    'DATA_CORRUPT',
    `the znode ${path} is not Mandate's: ${reason}; use another chroot, or remove it`,
    { file: path, offset: 0, reason },
  )
}
