/** The commands on a real etcd, as a user types them. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { eventually } from '../../integration/loopback.ts'
import { Stage, job, until, type Mandate } from '../../cli/processes.ts'
import { EtcdEnsemble } from '../etcd.ts'

let servers: EtcdEnsemble
let stage: Stage
let url = ''

beforeAll(async () => {
  servers = await EtcdEnsemble.start({ members: 3, folder: 'memory' })
  url = `etcd://${servers.addresses.join(',')}/cli?ttl=2s`
})
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.close())
afterAll(() => servers.close())

const run = (name: string, id: string): Mandate =>
  stage.start(
    ['run', name, '--id', id, '--grace', '200ms', '--log-format', 'json', '--', process.execPath, job],
    {
      MANDATE_BACKEND: url,
    },
  )
const ask = (...args: string[]) => stage.finish(args, { MANDATE_BACKEND: url })

it('run, leader, status and observe tell the same', async () => {
  const a = run('told', 'a')
  await a.commandPid()
  const [elected] = a.events('elected')
  expect(await ask('leader', 'told')).toMatchObject({ code: 0, stdout: 'a\n' })
  const { code, stdout } = await ask('status', 'told', '--json')
  expect(code).toBe(0)
  const status = JSON.parse(stdout) as {
    backend: unknown
    elections: { leader: { id: string; token: string } }[]
  }
  expect(status.backend).toMatchObject({ type: 'etcd', tokenSource: 'etcd create revision', reachable: true })
  expect(status.elections[0]?.leader).toMatchObject({ id: 'a', token: elected?.['token'] })
  const observer = stage.start(['observe', 'told', '--json'], { MANDATE_BACKEND: url })
  const led = (line: string): boolean => line.includes('"type":"led"')
  await until(
    () => observer.stdout.split('\n').some(led),
    'the leader',
    () => observer.stderr,
  )
  expect(JSON.parse(observer.stdout.split('\n').find(led) ?? '')).toMatchObject({ leader: { id: 'a' } })
})

it('a supervisor that is killed takes its command with it, and its guard frees the election at once', async () => {
  const a = run('killed', 'a')
  await a.commandPid()
  const b = run('killed', 'b')
  await until(
    () => b.events('campaigning').length > 0,
    'b to stand',
    () => b.stderr,
  )
  a.kill('SIGKILL')
  await b.commandPid()
  const keys = await servers.etcdctl('get', '--prefix', 'cli/killed/', '--keys-only')
  expect(keys.split('\n').filter((key) => key !== '')).toHaveLength(1)
})

it('serve names who leads, and answers that it leads as soon as that one has resigned', async () => {
  const a = run('served', 'a')
  await a.commandPid()
  const env = { MANDATE_BACKEND: url }
  const serve = stage.start(['serve', 'served', '--id', 's', '--http', '127.0.0.1:0', '--json'], env)
  await until(
    () => serve.stdout.includes('\n'),
    'the address',
    () => serve.stderr,
  )
  const { url: at } = JSON.parse(serve.stdout) as { url: string }
  const answer = async () => {
    const response = await fetch(`${at}/leader`)
    return { status: response.status, ...((await response.json()) as { leader: { id: string } | null }) }
  }
  await eventually('the leader', async () => (await answer()).leader?.id === 'a' || undefined)
  expect((await answer()).status).toBe(503)
  a.kill('SIGTERM')
  await eventually('its own leadership', async () => (await answer()).status === 200 || undefined)
  serve.kill('SIGTERM')
  expect(await serve.ended).toBe(0)
  expect((await ask('leader', 'served')).code).toBe(1)
})

it('servers that cannot be reached end with exit code 69', async () => {
  const nowhere = { MANDATE_BACKEND: 'etcd://127.0.0.1:1,127.0.0.1:2' }
  const { code, stderr } = await stage.finish(['run', 'x', '--', 'true'], nowhere)
  expect(code).toBe(69)
  expect(stderr).toContain('127.0.0.1:1')
  expect((await stage.finish(['leader', 'x'], nowhere)).code).toBe(69)
})

it('a nested name is refused with the reason', async () => {
  const { code, stderr } = await ask('run', 'a/b', '--', 'true')
  expect(code).toBe(64)
  expect(stderr).toContain("holds '/'")
})
