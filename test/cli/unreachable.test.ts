/** What the reading commands say of a service that nobody runs: where, why, and with which exit code. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect } from 'vitest'
import { test } from './staged.ts'

/** A port that was free a moment ago and refuses. Somebody else's server there would be no such service either. */
async function refusingPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('a service that nobody runs', { concurrent: true, timeout: 60_000 }, () => {
  test.for(['etcd', 'zk', 'consul'])(
    '%s: status and leader say which address, and end with 69',
    async (scheme, { stage }) => {
      const address = `127.0.0.1:${await refusingPort()}`
      const backend = ['--backend', `${scheme}://${address}`]
      const [status, named, leader] = await Promise.all([
        stage.finish(['status', ...backend]),
        stage.finish(['status', 'job', '--json', ...backend]),
        stage.finish(['leader', 'job', ...backend]),
      ])
      expect(status).toMatchObject({ code: 69, stdout: expect.stringContaining(address) })
      expect(named.code).toBe(69)
      expect(JSON.parse(named.stdout)).toMatchObject({
        backend: { reachable: false, problem: expect.stringContaining(address) },
        elections: [{ name: 'job', state: 'unknown' }],
      })
      expect(leader).toMatchObject({ code: 69, stderr: expect.stringContaining(address) })
    },
  )

  test('Kubernetes without credentials is a configuration error, not one that is away', async ({ stage }) => {
    for (const args of [['status'], ['status', 'job'], ['leader', 'job']]) {
      const result = await stage.finish([...args, '--backend', 'k8s://default'], { HOME: stage.folder })
      expect(result).toMatchObject({ code: 78, stderr: expect.stringContaining('KUBECONFIG') })
    }
  })
})
