/** Lines of the contract of `run` that hold whatever the mode is: each is played in both. */
import { describe, expect } from 'vitest'
import { isRunning, job, parentOf, until } from './processes.ts'
import { test } from './staged.ts'

const node = process.execPath

describe.each(['time', 'token'])('in %s mode', { concurrent: true }, (mode) => {
  const flags = ['--backend', 'memory://', '--log-format', 'json', '--exclusivity', mode]
  const run = (...rest: string[]) => ['run', 'job', ...flags, ...rest]
  const waiting = (config: string) => ['run', 'job', '--config', config, ...flags.slice(2), '--', 'true']

  test('stdin, stdout, arguments, the facts in the environment and the code are exact', async ({ stage }) => {
    const script = 'cat; echo "$1 $MANDATE_ELECTION $MANDATE_ID $MANDATE_TOKEN"; exit 3'
    const inherited = { MANDATE_TOKEN: '999', MANDATE_ID: 'x', MANDATE_ELECTION: 'x' }
    const mandate = stage.start(run('--id', 'w1', '--', 'sh', '-c', script, 'sh', 'a  b'), inherited)
    mandate.process.stdin?.end('from stdin\n')
    expect(await mandate.ended).toBe(3)
    const token = String(mandate.events('elected')[0]?.['token'])
    expect(mandate.stdout).toBe(`from stdin\na  b job w1 ${token}\n`)
    expect(mandate.events().at(-1)).toMatchObject({ event: 'exited', reason: 'command', exitCode: 3 })
  })

  test('a shell only with --shell', async ({ stage }) => {
    const plain = await stage.finish(run('--', 'echo', '$((40 + 2))'))
    const shell = await stage.finish(run('--shell', '--', 'echo $((40 + 2))'))
    expect([plain.stdout, shell.stdout]).toEqual(['$((40 + 2))\n', '42\n'])
  })

  test('the command has no part in the process group of run', async ({ stage }) => {
    const result = await stage.finish(run('--', 'sh', '-c', 'echo $$ $(ps -o pgid= -p $$)'))
    const [pid, pgid] = result.stdout.trim().split(/\s+/)
    expect(pgid).toBe(pid)
  })

  test.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('%s ends a run that waits, with %i', async ([signal, code], { stage }) => {
    const mandate = stage.start(waiting(stage.scripted({ win: false })))
    await until(() => mandate.events('campaigning').length > 0, 'the candidacy')
    // These mean nothing to who waits.
    for (const other of ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT', 'SIGPIPE'] as const) mandate.kill(other)
    mandate.kill(signal)
    expect(await mandate.ended).toBe(code)
    expect(mandate.events().at(-1)).toMatchObject({ event: 'exited', reason: 'mandate', exitCode: code })
  })

  test('not elected in time: 75', async ({ stage }) => {
    const config = stage.scripted({ win: false })
    const args = waiting(config)
    const result = await stage.finish([...args.slice(0, -2), '--wait', '200ms', ...args.slice(-2)])
    expect(result.code, result.stderr).toBe(75)
  })

  test('INT reaches the command as INT, and TERM as what --kill-signal says', async ({ stage }) => {
    const interrupted = stage.start(run('--', node, job, 'interruptible'))
    await interrupted.commandPid()
    interrupted.kill('SIGINT')
    expect(await interrupted.ended).toBe(4)
    expect(interrupted.told('SIGINT')).toHaveLength(1)

    const asked = stage.start(run('--kill-signal', 'SIGUSR2', '--grace', '300ms', '--', node, job, 'orderly'))
    await asked.commandPid()
    asked.kill('SIGTERM')
    // Only told by the command, which goes on: it was not asked with TERM, which would have ended it with 7.
    expect(await asked.ended).toBe(137)
    expect(asked.told('SIGUSR2')).toHaveLength(1)
    expect(asked.told('stopping')).toEqual([])
  })

  test('a guard that dies again and again: 125, and no command is left', async ({ stage }) => {
    const mandate = stage.start(run('--', node, job, 'stubborn'))
    const pids: number[] = []
    for (let life = 1; life <= 4; life++) {
      const pid = stage.track(await mandate.commandPid(life))
      pids.push(pid)
      process.kill(parentOf(pid), 'SIGKILL')
    }
    expect(await mandate.ended).toBe(125)
    expect(pids.filter(isRunning)).toEqual([])
    expect(mandate.events().at(-1)).toMatchObject({ reason: 'mandate', exitCode: 125 })
    expect(String(mandate.events().at(-1)?.['msg'])).toContain('the guard died 4 times')
  })

  test('nobody reads stderr any more: the command goes on, and its code passes through', async ({
    stage,
  }) => {
    const mandate = stage.start(run('--', 'sh', '-c', 'read line; echo "got $line"; exit 6'))
    await until(() => mandate.events('started').length === 1, 'the command')
    mandate.process.stderr?.destroy()
    mandate.process.stdin?.end('more\n')
    await until(() => mandate.process.exitCode !== null, 'the end of run')
    expect(mandate.process.exitCode).toBe(6)
    expect(mandate.stdout).toBe('got more\n')
  })

  test.for([
    ['LIMIT_EXCEEDED', 69],
    ['BACKEND_UNAVAILABLE', 69],
    ['PROTOCOL_ERROR', 69],
    ['DATA_CORRUPT', 78],
    ['UNAUTHORIZED', 77],
    ['INTERNAL', 125],
  ] as const)('a session refused with %s ends run with %i', async ([fail, code], { stage }) => {
    const result = await stage.finish(waiting(stage.scripted({ fail })))
    expect(result.code, result.stderr).toBe(code)
  })
})
