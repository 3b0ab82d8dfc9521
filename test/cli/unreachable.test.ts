/** What the reading commands say of a service that nobody runs: where, why, and with which exit code. */
import { describe, expect } from 'vitest'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { test } from './staged.ts'

describe('a service that nobody runs', { concurrent: true, timeout: 180_000 }, () => {
  test.for(['etcd', 'zk', 'consul'])(
    '%s: status and leader say which address, and end with 69',
    async (scheme, { stage }) => {
      const [port = 0] = await freePorts(1)
      const address = `127.0.0.1:${port}`
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
