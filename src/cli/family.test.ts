import { spawn } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { Family, killUnborn, unmarked } from './family.ts'

const mine = {
  MANDATE_ELECTION: 'e',
  MANDATE_ID: `i-${process.pid}`,
  MANDATE_TOKEN: '7',
  MANDATE_TOKEN_SCOPE: 's',
}
const started: (() => void)[] = []
afterEach(() => {
  for (const kill of started.splice(0)) kill()
})

/** Leads a group of its own. */
function start(env: Record<string, string>) {
  const child = spawn('sleep', ['60'], {
    env: { PATH: process.env['PATH'], ...env },
    detached: true,
    stdio: 'ignore',
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  )
  started.push(() => child.kill('SIGKILL'))
  const runs = () => child.exitCode === null && child.signalCode === null
  return { pid: child.pid ?? -1, ended, runs }
}

test.runIf(process.platform === 'linux')(
  'kills the command of exactly this leadership, and no other, when nobody knows its pid',
  async () => {
    const orphan = start(mine)
    const successor = start({ ...mine, MANDATE_TOKEN: '8' })
    await killUnborn(mine)
    expect(await orphan.ended).toBe('SIGKILL')
    expect(successor.runs()).toBe(true)
  },
)

test.runIf(process.platform === 'linux')('who left the group dies with it, a stranger does not', async () => {
  const command = start(mine)
  const left = start(mine)
  const stranger = start({ ...mine, MANDATE_TOKEN: '8' })
  const family = new Family(command.pid, mine)
  family.signalGroup('SIGTERM')
  expect(await command.ended).toBe('SIGTERM')
  expect(left.runs()).toBe(true)
  expect(family.alive()).toBe(true)
  family.kill()
  await family.gone()
  expect(await left.ended).toBe('SIGKILL')
  expect(family.alive()).toBe(false)
  expect(stranger.runs()).toBe(true)
})

test.runIf(process.platform === 'linux')('asks those who left the group, too', async () => {
  const command = start(mine)
  const left = start(mine)
  const family = new Family(command.pid, mine)
  family.signalAll('SIGTERM')
  expect(await command.ended).toBe('SIGTERM')
  expect(await left.ended).toBe('SIGTERM')
  await family.gone()
})

test('our own processes do not carry the marks of an outer run', () => {
  expect(unmarked({ ...mine, PATH: '/bin' })).toEqual({ PATH: '/bin' })
})

test.runIf(process.platform === 'linux')(
  'knows the command of an advisory leadership by its rank',
  async () => {
    const { MANDATE_TOKEN: _token, MANDATE_TOKEN_SCOPE: _scope, ...advisory } = mine
    const orphan = start({ ...advisory, MANDATE_RANK: '3.1' })
    const others = [start({ ...advisory, MANDATE_RANK: '4.1' }), start(advisory)]
    await killUnborn({ ...advisory, MANDATE_RANK: '3.1' })
    expect(await orphan.ended).toBe('SIGKILL')
    await killUnborn(advisory)
    await killUnborn({})
    expect(others.map(({ runs }) => runs())).toEqual([true, true])
  },
)
