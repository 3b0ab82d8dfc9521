import { playFaults } from '../../chaos/play-faults.ts'
import { EtcdEnsemble } from '../etcd.ts'

const ttlMs = 2000

playFaults({
  name: 'etcd, three servers',
  // A lease is scanned for every half second, and a new leader of the servers gives it its whole time again.
  expiryMs: ttlMs + 500,
  start: async () => {
    const servers = await EtcdEnsemble.start({ members: 3, folder: 'memory' })
    const leaderKey = async (election: string): Promise<string> => {
      const keys = await servers.etcdctl(
        'get',
        '--prefix',
        `${election}/`,
        '--sort-by=CREATE',
        '--limit=1',
        '--keys-only',
      )
      const [key] = keys.split('\n')
      if (key === undefined || key === '') throw new Error('nobody leads')
      return key
    }
    return {
      addresses: servers.addresses,
      backend: (endpoints) => ({ module: 'mandate/etcd', factory: 'etcd', options: { endpoints, ttlMs } }),
      revokeSession: async (election) => {
        const lease = (await leaderKey(election)).slice(election.length + 1)
        return servers.etcdctl('lease', 'revoke', lease)
      },
      deleteKey: async (election) => servers.etcdctl('del', await leaderKey(election)),
      leader: async () => {
        const member = await servers.leader()
        return {
          kill: () => member.kill(),
          restart: () => member.restart(),
          stop: () => member.stop(),
          cont: () => member.cont(),
        }
      },
      close: () => servers.close(),
    }
  },
})
