/** `zk://h1,h2/chroot?session=4s`, and `{ type: zookeeper, … }`. Credentials come from MANDATE_ZOOKEEPER_AUTH. */
import { leastRemainingMs } from '../../clients/zookeeper/touch-proof.ts'
import { MandateError } from '../../errors.ts'
import type { ZooKeeperDescription } from '../description.ts'
import { present } from '../fields.ts'
import { refuseUnknown } from '../file-values.ts'
import { refuseUnknownKeys } from '../url-keys.ts'
import {
  addressesIn,
  addressesOf,
  choiceOf,
  durationOf,
  readTls,
  textIn,
  tlsIn,
  tlsKeys,
  tlsOfUrl,
  tokenBaseOf,
} from './fields.ts'
import type { Service } from './service.ts'

const port = 2181
const dialects = ['curator-latch', 'curator-lock', 'kazoo'] as const
const acls = ['open', 'creator'] as const
const authVariable = 'MANDATE_ZOOKEEPER_AUTH'

export const zookeeperService: Service<ZooKeeperDescription> = {
  type: 'zookeeper',
  schemes: ['zookeeper', 'zk'],
  fromUrl: (url, baseDir, problems) => {
    refuseUnknownKeys(url, ['session', 'dialect', 'tick', 'acl', ...tlsKeys, 'token-base'], problems)
    const key = (name: string): string | undefined => url.keys.get(name)
    return {
      type: 'zookeeper',
      servers: addressesOf(url, port, problems),
      ...present({
        chroot: chrootOf(url.path === '' ? undefined : `/${url.path}`, problems),
        dialect: choiceOf('dialect', key('dialect'), dialects, problems),
        sessionMs: durationOf('session', key('session'), problems),
        serverTickMs: durationOf('tick', key('tick'), problems),
        acl: choiceOf('acl', key('acl'), acls, problems),
        tls: tlsOfUrl(url, baseDir, problems),
        tokenBase: tokenBaseOf('token-base', key('token-base'), problems),
      }),
    }
  },
  fromObject: (fields, baseDir, problems) => {
    const known = ['type', 'servers', 'chroot', 'dialect', 'session', 'serverTick', 'acl', 'tls', 'tokenBase']
    refuseUnknown(fields, known, '', problems)
    return {
      type: 'zookeeper',
      servers: addressesIn(fields, 'servers', port, problems),
      ...present({
        chroot: chrootOf(textIn(fields, 'chroot', problems), problems),
        dialect: choiceOf('dialect', fields['dialect'], dialects, problems),
        sessionMs: durationOf('session', fields['session'], problems),
        serverTickMs: durationOf('serverTick', fields['serverTick'], problems),
        acl: choiceOf('acl', fields['acl'], acls, problems),
        tls: tlsIn(fields, baseDir, problems),
        tokenBase: tokenBaseOf('tokenBase', fields['tokenBase'], problems),
      }),
    }
  },
  leaseMs: ({ sessionMs = 4000 }) => sessionMs,
  // One beat to spare, as elsewhere a tenth.
  leastRemainingMs: ({ serverTickMs }, leaseMs) => leastRemainingMs(leaseMs, serverTickMs) - leaseMs / 16,
  create: async ({ type: _type, tls, tokenBase, ...description }, { onBackgroundFailure }) => {
    const auth = process.env[authVariable]
    if (auth !== undefined && auth !== '' && !/^[^:]+:./s.test(auth)) {
      const message = `${authVariable} is not of the form user:password`
      throw new MandateError('INVALID_OPTIONS', message, { option: authVariable })
    }
    const files = await readTls(tls)
    const { zookeeper } = await import('../../backends/zookeeper.ts')
    return zookeeper({
      ...description,
      ...(auth === undefined || auth === '' ? {} : { auth }),
      ...(tokenBase === undefined ? {} : { tokenBase: BigInt(tokenBase) }),
      ...(files === undefined ? {} : { tls: files === true ? {} : files }),
      onBackgroundFailure,
    })
  },
}

function chrootOf(path: string | undefined, problems: string[]): string | undefined {
  if (path === undefined || path === '/') return undefined
  if (!/^(\/[^/]+)+$/.test(path)) problems.push(`the chroot '${path}' is no path such as /app or /team/app`)
  return path
}
