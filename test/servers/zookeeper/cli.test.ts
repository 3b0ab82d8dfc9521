/** `mandate` on a real ensemble: run, its guard, and the commands that only read. Needs `npm run build`. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { isRunning, job, Stage, until } from '../../cli/processes.ts'
import { eventually } from '../../integration/loopback.ts'
import { ZooKeeperServers } from '../zookeeper.ts'
import { childrenOf } from './bare-client.ts'

let servers: ZooKeeperServers
let stage: Stage

beforeAll(async () => {
  servers = await ZooKeeperServers.start({ tickMs: 200 })
}, 60_000)
afterAll(() => servers.close())
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.close())

const url = (chroot: string, rest = 'session=4s&tick=200ms') =>
  `zk://${servers.addresses.join(',')}/${chroot}?${rest}`
const run = (backend: string, id: string, ...flags: string[]) =>
  stage.start([
    ...['run', 'job', '--backend', backend, '--id', id, '--log-format', 'json', ...flags],
    ...['--', process.execPath, job],
  ])

it('runs a command while it leads, tells who leads, and hands over', async () => {
  const backend = url('hand-over')
  const first = run(backend, 'one', '--metadata', 'rack=r7')
  const pid = await first.commandPid()
  const second = run(backend, 'two')
  await until(() => second.events('campaigning').length > 0, 'the second to campaign')

  const leader = await stage.finish(['leader', 'job', '--backend', backend])
  expect(leader, first.stderr + second.stderr).toMatchObject({ code: 0, stdout: 'one\n' })
  const status = await stage.finish(['status', 'job', '--backend', backend, '--json'])
  expect(status.code).toBe(0)
  expect(JSON.parse(status.stdout)).toMatchObject({
    backend: { type: 'zookeeper', guarantee: 'linearizable', reachable: true },
    elections: [{ name: 'job', state: 'led', leader: { id: 'one', metadata: { rack: 'r7' } } }],
  })
  const observer = stage.start(['observe', 'job', '--backend', backend])
  await until(() => observer.stdout.includes('"id":"one"'), 'the observer to see one')

  first.kill('SIGTERM')
  expect(await first.ended).toBe(143)
  expect(isRunning(pid)).toBe(false)
  await second.commandPid()
  await until(() => observer.stdout.includes('"id":"two"'), 'the observer to see two')
  const tokens = [first, second].map((each) => BigInt(String(each.events('elected')[0]?.['token'])))
  expect(tokens[1]).toBeGreaterThan(tokens[0]!)
})

it('has its session released by the guard when it is killed: the next leads before any session ran out', async () => {
  const backend = url('guarded', 'session=60s&tick=200ms')
  const first = run(backend, 'one')
  const pid = await first.commandPid()
  const second = run(backend, 'two')
  await eventually('the second to stand', async () =>
    (await childrenOf(servers.addresses, '/guarded/job')).length === 2 ? true : undefined,
  )
  first.kill('SIGKILL')
  await second.commandPid()
  expect(isRunning(pid)).toBe(false)
})

it('refuses a grace that the session does not leave between two renewals', async () => {
  const refused = await stage.finish(['run', 'job', '--backend', url('grace', 'session=2s'), '--', 'true'])
  expect(refused.code).toBe(78)
  expect(refused.stderr).toMatch(/grace of 1s .* do not fit into the lease of 2s/)
})

it('says so when nobody leads, nobody answers, or a credential is of no form', async () => {
  const vacant = await stage.finish(['leader', 'job', '--backend', url('vacant')])
  expect(vacant.code).toBe(1)
  const nobody = await stage.finish(['status', '--backend', 'zk://127.0.0.1:1', '--json'])
  expect(nobody.code).toBe(69)
  expect(JSON.parse(nobody.stdout)).toMatchObject({ backend: { reachable: false } })
  const auth = { MANDATE_ZOOKEEPER_AUTH: 'hunter2' }
  const wrong = await stage.finish(['leader', 'job', '--backend', url('vacant')], auth)
  expect(wrong.code).not.toBe(0)
  expect(wrong.stderr).toContain('MANDATE_ZOOKEEPER_AUTH')
  expect(wrong.stderr).not.toContain('hunter2')
})
