/** The command on a real Consul, as a user types it. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { job, Stage, until } from '../../cli/processes.ts'
import { ConsulServers } from '../consul.ts'

let servers: ConsulServers
let stage: Stage
let backend: string

beforeAll(async () => {
  servers = await ConsulServers.start()
})
beforeEach((context) => {
  stage = new Stage()
  backend = `consul://${servers.first.address}/${context.task.id}?check=3s`
})
afterEach(() => stage.close())
afterAll(() => servers.close())

const run = (id: string) =>
  stage.start(['run', 'billing', '--backend', backend, '--id', id, '--log-format', 'json', '--', 'node', job])

it('run starts its command with the token, status, leader and observe tell of it, and SIGTERM hands over', async () => {
  const a = run('a')
  await a.commandPid()
  const [elected] = a.events('elected')
  expect(elected?.['token']).toMatch(/^\d+$/)
  expect(await stage.finish(['leader', 'billing', '--backend', backend])).toMatchObject({
    code: 0,
    stdout: 'a\n',
  })
  const status = await stage.finish(['status', 'billing', '--backend', backend, '--json'])
  expect(JSON.parse(status.stdout)).toMatchObject({
    backend: { type: 'consul', guarantee: 'linearizable', reachable: true },
    elections: [
      { name: 'billing', state: 'led', leader: { id: 'a', token: elected?.['token'], scope: 'consul:dc1' } },
    ],
  })
  const watching = stage.start(['observe', 'billing', '--backend', backend])
  const b = run('b')
  await until(
    () => b.events('campaigning').length > 0,
    'b to stand',
    () => b.stderr,
  )
  expect(b.told('start')).toEqual([])
  a.kill('SIGTERM')
  await b.commandPid()
  await until(
    () => /"id":"b"/.test(watching.stdout),
    'the observer to see b',
    () => watching.stdout,
  )
  b.kill('SIGTERM')
  await Promise.all([a.ended, b.ended])
}, 60_000)

it('the guard frees the election of a supervisor that was killed, without waiting for its session', async () => {
  const a = run('a')
  await a.commandPid()
  const b = run('b')
  await until(
    () => b.events('campaigning').length > 0,
    'b to stand',
    () => b.stderr,
  )
  a.kill('SIGKILL')
  await b.commandPid()
  const entries = (await servers.first.get('/v1/agent/services')) as object
  expect(Object.keys(entries)).toHaveLength(1)
  b.kill('SIGTERM')
  await b.ended
}, 60_000)

it('status says that nobody answers, and leader which right is missing', async () => {
  const gone = ['--backend', 'consul://127.0.0.1:1/p', '--json']
  const status = await stage.finish(['status', ...gone])
  expect(status.code).toBe(69)
  expect(JSON.parse(status.stdout)).toMatchObject({ backend: { type: 'consul', reachable: false } })
  const leader = await stage.finish(['leader', 'billing', '--backend', 'consul://127.0.0.1:1/p'])
  expect(leader.code).toBe(69)
}, 60_000)
