import { afterEach, expect, it } from 'vitest'
import { eventually } from '../../integration/loopback.ts'
import { EtcdEnsemble } from '../etcd.ts'

let servers: EtcdEnsemble | undefined
afterEach(() => servers?.close())

it('one server serves, and has what it had after a restart', async () => {
  servers = await EtcdEnsemble.start()
  await servers.etcdctl('put', 'key', 'kept')
  await servers.members[0]?.restart()
  expect(await servers.etcdctl('get', '--print-value-only', 'key')).toBe('kept')
})

it('three servers go on without the one that led', async () => {
  servers = await EtcdEnsemble.start({ members: 3 })
  const leader = await servers.leader()
  await leader.kill()
  const next = await servers.leader()
  expect(next.name).not.toBe(leader.name)
  await eventually('a write', async () => {
    const written = await servers?.etcdctl('put', 'key', 'value').catch(() => undefined)
    return written === 'OK' ? true : undefined
  })
})
