/** `etcd://h1,h2,h3/prefix?ttl=5s`, and `{ type: etcd, … }`. The password comes from MANDATE_ETCD_PASSWORD. */
import { MandateError } from '../../errors.ts'
import type { EtcdDescription } from '../description.ts'
import { refuseUnknown } from '../file-values.ts'
import { present } from '../fields.ts'
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

const port = 2379
const layouts = ['go', 'etcd3'] as const
const passwordVariable = 'MANDATE_ETCD_PASSWORD'

export const etcdService: Service<EtcdDescription> = {
  type: 'etcd',
  schemes: ['etcd'],
  fromUrl: (url, baseDir, problems) => {
    refuseUnknownKeys(url, ['ttl', 'user', 'layout', ...tlsKeys, 'token-base'], problems)
    const key = (name: string): string | undefined => url.keys.get(name)
    return {
      type: 'etcd',
      endpoints: addressesOf(url, port, problems),
      ...present({
        prefix: prefixOf(url.path === '' ? undefined : url.path, problems),
        ttlMs: ttlOf(key('ttl'), problems),
        layout: choiceOf('layout', key('layout'), layouts, problems),
        user: key('user'),
        tls: tlsOfUrl(url, baseDir, problems),
        tokenBase: tokenBaseOf('token-base', key('token-base'), problems),
      }),
    }
  },
  fromObject: (fields, baseDir, problems) => {
    const known = ['type', 'endpoints', 'prefix', 'ttl', 'user', 'layout', 'tls', 'tokenBase']
    refuseUnknown(fields, known, '', problems)
    return {
      type: 'etcd',
      endpoints: addressesIn(fields, 'endpoints', port, problems),
      ...present({
        prefix: prefixOf(textIn(fields, 'prefix', problems), problems),
        ttlMs: ttlOf(fields['ttl'], problems),
        layout: choiceOf('layout', fields['layout'], layouts, problems),
        user: textIn(fields, 'user', problems),
        tls: tlsIn(fields, baseDir, problems),
        tokenBase: tokenBaseOf('tokenBase', fields['tokenBase'], problems),
      }),
    }
  },
  leaseMs: ({ ttlMs = 5000 }) => ttlMs,
  // A third passes between two renewals.
  leastRemainingMs: (_description, leaseMs) => 0.6 * leaseMs,
  create: async ({ type: _type, tls, tokenBase, ...description }, { onBackgroundFailure }) => {
    const password = process.env[passwordVariable]
    if (description.user !== undefined && password === undefined) {
      const message = `the etcd user '${description.user}' needs a password: set ${passwordVariable}`
      throw new MandateError('INVALID_OPTIONS', message, { option: passwordVariable })
    }
    const { etcd } = await import('../../backends/etcd.ts')
    return etcd({
      ...description,
      ...(description.user === undefined ? {} : { password }),
      ...(tokenBase === undefined ? {} : { tokenBase: BigInt(tokenBase) }),
      ...(tls === undefined ? {} : { tls: await readTls(tls) }),
      onBackgroundFailure,
    })
  },
}

function ttlOf(value: unknown, problems: string[]): number | undefined {
  const ttlMs = durationOf('ttl', value, problems)
  if (ttlMs !== undefined && ttlMs < 1000)
    problems.push(`ttl is ${ttlMs}ms: etcd counts whole seconds, so 1s is the shortest`)
  return ttlMs
}

function prefixOf(path: string | undefined, problems: string[]): string | undefined {
  if (path?.endsWith('/') === true)
    problems.push(`the prefix '${path}' ends in a slash, which is put there anyway: leave it out`)
  return path
}
