import type { RequestOptions } from 'node:https'
import { describe, expect, it } from 'vitest'
import { fromClientNode, type KubeConfigLike } from './client-node.ts'
import { findAccess } from './find-access.ts'

/** As `KubeConfig` 1.4 answers: authorities and keys as buffers, the token as a header, a password as `auth`. */
function configured(apply: () => RequestOptions, cluster: object = {}): KubeConfigLike {
  return {
    getCurrentContext: () => 'here',
    getContextObject: (name) => (name === 'here' ? { namespace: 'team' } : null),
    getCurrentCluster: () => ({ server: 'https://10.0.0.1:6443/', skipTLSVerify: false, ...cluster }),
    applyToHTTPSOptions: (options) => {
      Object.assign(options, apply())
      return Promise.resolve()
    },
  }
}

const signal = new AbortController().signal

describe('a KubeConfig of @kubernetes/client-node', () => {
  it('names server, namespace, authorities and keys, and is asked for its token anew each time', async () => {
    let token = 0
    const access = await fromClientNode(
      configured(
        () => ({
          ca: Buffer.from('CA'),
          cert: Buffer.from('CRT'),
          key: Buffer.from('KEY'),
          headers: { Authorization: `Bearer t${++token}` },
        }),
        { tlsServerName: 'inner' },
      ),
    )
    expect(access).toMatchObject({
      server: 'https://10.0.0.1:6443',
      namespace: 'team',
      skipVerification: false,
      serverName: 'inner',
    })
    expect(access.authorities()).toBe('CA')
    const asked = { renew: false, signal }
    expect(await access.credentials(asked)).toEqual({
      authorization: 'Bearer t2',
      certificate: 'CRT',
      key: 'KEY',
    })
    expect(await access.credentials(asked)).toMatchObject({ authorization: 'Bearer t3' })
  })

  it('may have a name and a password', async () => {
    const access = await fromClientNode(configured(() => ({ auth: 'me:word' })))
    expect(await access.credentials({ renew: false, signal })).toMatchObject({
      authorization: `Basic ${btoa('me:word')}`,
    })
  })

  it('without a cluster is refused, and so is a key that we cannot read', async () => {
    const none = { ...configured(() => ({})), getCurrentCluster: () => null }
    await expect(fromClientNode(none)).rejects.toThrow(/context "here" has no cluster/)
    const encrypted = configured(() => ({ pfx: Buffer.from('x') }))
    await expect(fromClientNode(encrypted)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('is taken as it is: its context is its own', async () => {
    const request = { env: {}, nowMs: () => 0, wallMs: () => 0, kubeconfig: configured(() => ({})) }
    expect((await findAccess(request)).server).toBe('https://10.0.0.1:6443')
    await expect(findAccess({ ...request, context: 'there' })).rejects.toThrow(/setCurrentContext/)
  })
})
