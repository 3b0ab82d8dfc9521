/** The contract of `run` that needs no cluster: memory:// elects at once, the scripted backend does as it is told. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning, job, parentOf, Stage, until } from './processes.ts'

let stage: Stage
beforeEach(() => void (stage = new Stage()))
afterEach(() => stage.close())

const memory = ['--backend', 'memory://']
const json = ['--log-format', 'json']
const node = process.execPath
const run = (...rest: string[]) => ['run', 'job', ...memory, ...json, ...rest]

test("the command's own code passes through, and the last line says whose it is", async () => {
  const own = await stage.finish(['run', 'job', ...memory, '--', 'sh', '-c', 'exit 3'])
  expect(own.code).toBe(3)
  expect(own.lastLine).toContain("exit 3 is the command's own")
  const killed = await stage.finish(['run', 'job', ...memory, '--', 'sh', '-c', 'kill -9 $$'])
  expect(killed.code).toBe(137)
  expect(killed.lastLine).toContain('the command was ended by SIGKILL')
})

test('stdin, stdout and arguments are the command’s; everything of ours goes to stderr', async () => {
  const mandate = stage.start(['run', 'job', ...memory, '--', 'sh', '-c', 'cat; echo "$1"', 'sh', 'a  b'])
  mandate.process.stdin?.end('from stdin\n')
  expect(await mandate.ended).toBe(0)
  expect(mandate.stdout).toBe('from stdin\na  b\n')
})

test('the token reaches the command, whatever it inherited', async () => {
  const inherited = { MANDATE_TOKEN: '999', MANDATE_ID: 'x', MANDATE_ELECTION: 'x', MANDATE_TOKEN_SCOPE: 'x' }
  const mandate = stage.start(run('--id', 'w1', '--', node, job), inherited)
  await mandate.commandPid()
  const [elected] = mandate.events('elected')
  expect(mandate.told('start')[0]).toMatchObject({
    MANDATE_ELECTION: 'job',
    MANDATE_ID: 'w1',
    MANDATE_TOKEN: elected?.['token'],
    MANDATE_TOKEN_SCOPE: expect.stringMatching(/^memory-/),
  })
  expect(elected?.['token']).not.toBe('999')
})

test('events are NDJSON with every key, absent as null', async () => {
  const { stderr } = await stage.finish(run('--id', 'w1', '--', 'true'))
  const lines = stderr.trimEnd().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const event of events) {
    expect(Object.keys(event)).toEqual([
      'at',
      'level',
      'event',
      'election',
      'id',
      'token',
      'reason',
      'exitCode',
      'msg',
    ])
  }
  const names = events.filter(({ level }) => level === 'info').map(({ event }) => event)
  expect(names).toEqual(['campaigning', 'elected', 'started', 'exited', 'resigned', 'exited'])
  expect(events.at(-1)).toMatchObject({ token: null, exitCode: 0, reason: 'command' })
})

test.each([
  [['run', 'job', 'node', 'x.js'], 64, 'mandate run job -- node x.js'],
  [['run', 'job'], 64, 'mandate run job -- <command>'],
  [['run', 'job', '--leas', '3s', '--', 'true'], 64, "unknown option '--leas'"],
  [['run', 'a', 'b', '--', 'true'], 64, 'too many arguments'],
  [['nonsense'], 64, "unknown command 'nonsense'"],
  [['run', '', '--', 'true'], 64, 'has 0 bytes'],
  [['run', 'job', '--', 'true'], 78, 'No backend is named'],
  [['run', 'job', ...memory, '--lease', '3', '--', 'true'], 78, "'3' has no unit"],
  [['run', 'job', ...memory, '--grace', '3s', '--', 'true'], 78, 'do not fit into the lease'],
  [['run', 'job', ...memory, '--wait', '0s', '--', 'true'], 78, 'would always give up'],
  [['run', 'job', '--backend', 'etcd://h', '--', 'true'], 78, 'not built yet'],
  [['run', 'job', '--backend', 'raft://a@127.0.0.1:1?self=a', '--', 'true'], 78, 'needs a data folder'],
  [['resign', 'job'], 78, 'not built yet'],
  [['run', 'job', ...memory, '--', '/no/such/command'], 127, "no command '/no/such/command'"],
  [['run', 'job', ...memory, '--', 'no-such-command'], 127, 'in PATH'],
  [['run', 'job', ...memory, '--', '/etc/passwd'], 126, 'not an executable file'],
])('%j exits with %i and says why', async (args, code, message) => {
  const result = await stage.finish(args)
  expect(result.code, result.stderr).toBe(code)
  expect(result.stderr).toContain(message)
})

test('help has examples and is no error', async () => {
  const help = await stage.finish(['run', '--help'])
  expect(help.code).toBe(0)
  expect(help.stdout).toContain('Examples:')
})

test('no shell unless asked for', async () => {
  const plain = await stage.finish(['run', 'job', ...memory, '--', 'echo', '$HOME', '|', 'cat'])
  expect(plain.stdout).toBe('$HOME | cat\n')
  const shell = await stage.finish(['run', 'job', ...memory, '--shell', '--', 'echo $((40 + 2)) | cat'])
  expect(shell.stdout).toBe('42\n')
})

test('TERM: the command stops first, then run resigns and exits with its code', async () => {
  const mandate = stage.start(run('--', node, job, 'orderly'))
  await mandate.commandPid()
  mandate.kill('SIGTERM')
  expect(await mandate.ended).toBe(7)
  expect(mandate.told('stopping')).toHaveLength(1)
  const order = mandate.events().map(({ event }) => event)
  expect(order.slice(-4)).toEqual(['stopping', 'exited', 'resigned', 'exited'])
})

test('a command that ignores TERM is killed when its grace is over', async () => {
  const mandate = stage.start(run('--grace', '300ms', '--', node, job, 'stubborn'))
  const pid = await mandate.commandPid()
  mandate.kill('SIGTERM')
  expect(await mandate.ended).toBe(137)
  expect(mandate.told('ignored')).toHaveLength(1)
  expect(mandate.events('guard')).toMatchObject([{ reason: 'grace' }])
  expect(isRunning(pid)).toBe(false)
})

test('a second TERM does not wait for the grace', async () => {
  const mandate = stage.start(run('--lease', '10m', '--grace', '8m', '--', node, job, 'stubborn'))
  await mandate.commandPid()
  mandate.kill('SIGTERM')
  await until(() => mandate.told('ignored').length > 0, 'the first TERM')
  await new Promise<void>((resolve) => setTimeout(resolve, 100))
  mandate.kill('SIGTERM')
  expect(await mandate.ended).toBe(137)
})

test('the other signals are passed on to the command', async () => {
  const mandate = stage.start(run('--', node, job))
  await mandate.commandPid()
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT'] as const) {
    mandate.kill(signal)
    await until(() => mandate.told(signal).length > 0, signal)
  }
})

test('what the command leaves behind in its group is stopped before run resigns', async () => {
  const mandate = stage.start(run('--grace', '300ms', '--', node, job, 'parent', 'leaves'))
  await until(() => mandate.told('start').length === 2, 'both processes')
  const pids = mandate.told('start').map((line) => stage.track(Number(line['pid'])))
  expect(await mandate.ended).toBe(5)
  expect(pids.map(isRunning)).toEqual([false, false])
  expect(mandate.events('stopping')).toMatchObject([{ reason: 'leftover' }])
})

test('supervisor killed: the whole group of the command is dead, and the guard leaves', async () => {
  const mandate = stage.start(run('--', node, job, 'parent', 'stubborn'))
  await until(() => mandate.told('start').length === 2, 'both processes')
  const pids = mandate.told('start').map((line) => stage.track(Number(line['pid'])))
  const guard = stage.track(parentOf(await mandate.commandPid()))
  mandate.kill('SIGKILL')
  await until(() => !pids.some(isRunning), 'the death of the group')
  await until(() => !isRunning(guard), 'the end of the guard')
})

test('supervisor stopped past its lease: the guard kills the command; it runs again under a new token', async () => {
  const mandate = stage.start(run('--lease', '1s', '--grace', '100ms', '--', node, job, 'stubborn'))
  const first = await mandate.commandPid()
  mandate.kill('SIGSTOP')
  await until(() => !isRunning(first), 'the death of the command')
  mandate.kill('SIGCONT')
  const second = await mandate.commandPid(2)
  expect(second).not.toBe(first)
  const [one, two] = mandate.told('start').map((line) => BigInt(String(line['MANDATE_TOKEN'])))
  expect(two).toBeGreaterThan(one ?? 0n)
  expect(mandate.events('lost').length).toBeGreaterThan(0)
})

test('guard killed: the supervisor kills the command at once, says so, and leads again with a new guard', async () => {
  const mandate = stage.start(run('--', node, job, 'parent', 'stubborn'))
  await until(() => mandate.told('start').length === 2, 'both processes')
  const pids = mandate.told('start').map((line) => stage.track(Number(line['pid'])))
  process.kill(parentOf(await mandate.commandPid()), 'SIGKILL')
  await until(
    () => mandate.told('start').length === 4,
    'the second life',
    () => mandate.stderr,
  )
  expect(pids.map(isRunning)).toEqual([false, false])
  expect(mandate.events('guard')).toMatchObject([{ level: 'error', reason: 'guard-lost' }])
})

test('guard stopped: the supervisor does without its protection for no longer than a lease', async () => {
  const mandate = stage.start(run('--lease', '1s', '--grace', '100ms', '--', node, job, 'stubborn'))
  const first = await mandate.commandPid()
  process.kill(parentOf(first), 'SIGSTOP')
  await mandate.commandPid(2)
  expect(isRunning(first)).toBe(false)
  expect(mandate.events('guard')).toMatchObject([{ level: 'error', reason: 'guard-lost' }])
})

test('not elected in time: 75', async () => {
  const config = stage.scripted({ win: false })
  const result = await stage.finish(['run', 'job', '--config', config, '--wait', '200ms', '--', 'true'])
  expect(result.code).toBe(75)
  expect(result.lastLine).toContain("exit 75 is mandate's own: not elected within 200ms")
})

test('TERM while waiting ends in order, with 143', async () => {
  const mandate = stage.start([
    'run',
    'job',
    '--config',
    stage.scripted({ win: false }),
    ...json,
    '--',
    'true',
  ])
  await until(() => mandate.events('campaigning').length > 0, 'the candidacy')
  mandate.kill('SIGTERM')
  expect(await mandate.ended).toBe(143)
})

test('TERM in the first moments ends in order as well', async () => {
  const mandate = stage.start(run('--', node, job, 'orderly'))
  await new Promise<void>((resolve) => mandate.process.once('spawn', resolve))
  // As soon as its handlers are there; before that, the default action is all there can be.
  await until(() => mandate.stderr !== '' || mandate.process.exitCode !== null, 'the first line')
  mandate.kill('SIGTERM')
  expect([7, 143]).toContain(await mandate.ended)
  expect(mandate.stderr).toContain('"event":"exited"')
})

test('leadership lost: 79 with --on-loss exit, and the command is dead', async () => {
  const loseOnFile = join(stage.folder, 'lose')
  const config = stage.scripted({ loseOnFile })
  const mandate = stage.start([
    'run',
    'job',
    '--config',
    config,
    ...json,
    '--on-loss',
    'exit',
    '--',
    node,
    job,
    'stubborn',
  ])
  const pid = await mandate.commandPid()
  writeFileSync(loseOnFile, '')
  expect(await mandate.ended).toBe(79)
  expect(isRunning(pid)).toBe(false)
  expect(mandate.events('lost')).toMatchObject([{ reason: 'revoked' }])
})

test('leadership lost: by default the command is stopped, and run stands again', async () => {
  const loseOnFile = join(stage.folder, 'lose')
  const config = stage.scripted({ loseOnFile, reason: 'session-lost' })
  const mandate = stage.start(['run', 'job', '--config', config, ...json, '--', node, job, 'orderly'])
  await mandate.commandPid()
  writeFileSync(loseOnFile, '')
  await mandate.commandPid(2)
  expect(mandate.told('stopping').length).toBeGreaterThan(0)
})

test('not renewed: the command is asked to stop in time for its grace, and killed after it', async () => {
  const config = stage.scripted({ renew: false })
  const times = ['--lease', '3s', '--grace', '500ms', '--on-loss', 'exit']
  const mandate = stage.start([
    'run',
    'job',
    '--config',
    config,
    ...json,
    ...times,
    '--',
    node,
    job,
    'stubborn',
  ])
  const pid = await mandate.commandPid()
  expect(await mandate.ended).toBe(79)
  expect(isRunning(pid)).toBe(false)
  expect(mandate.told('ignored')).toHaveLength(1)
  // Given up by the supervisor's own clock, not by the backend's word; whether in time is measured by the benches.
  expect(mandate.events('lost')).toMatchObject([{ reason: 'not renewed in time' }])
})
