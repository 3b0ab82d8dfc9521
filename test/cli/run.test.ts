/** The contract of `run` that needs no cluster: memory:// elects at once, the scripted backend does as it is told. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { isRunning, job, until, type Mandate } from './processes.ts'
import { test } from './staged.ts'

const memory = ['--backend', 'memory://']
const json = ['--log-format', 'json']
const node = process.execPath
const run = (...rest: string[]) => ['run', 'job', ...memory, ...json, ...rest]

/** Asks again until it ends: what comes at once after the first time is taken for a repetition of it. */
async function hurry(mandate: Mandate): Promise<void> {
  let hasEnded = false
  void mandate.ended.then(() => (hasEnded = true))
  await until(
    () => hasEnded || !mandate.kill('SIGTERM'),
    'the end',
    () => mandate.stderr,
  )
}

describe('run', { concurrent: true }, () => {
  test("the command's own code passes through, and the last line says whose it is", async ({ stage }) => {
    const own = await stage.finish(['run', 'job', ...memory, '--', 'sh', '-c', 'exit 3'])
    expect(own.code).toBe(3)
    expect(own.lastLine).toContain("exit 3 is the command's own")
    const killed = await stage.finish(['run', 'job', ...memory, '--', 'sh', '-c', 'kill -9 $$'])
    expect(killed.code).toBe(137)
    expect(killed.lastLine).toContain('the command was ended by SIGKILL')
  })

  test('stdin, stdout and arguments are the command’s; everything of ours goes to stderr', async ({
    stage,
  }) => {
    const mandate = stage.start(['run', 'job', ...memory, '--', 'sh', '-c', 'cat; echo "$1"', 'sh', 'a  b'])
    mandate.process.stdin?.end('from stdin\n')
    expect(await mandate.ended).toBe(0)
    expect(mandate.stdout).toBe('from stdin\na  b\n')
  })

  test('the token reaches the command, whatever it inherited', async ({ stage }) => {
    const inherited = {
      MANDATE_TOKEN: '999',
      MANDATE_ID: 'x',
      MANDATE_ELECTION: 'x',
      MANDATE_TOKEN_SCOPE: 'x',
    }
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

  test('events are NDJSON with every key, absent as null', async ({ stage }) => {
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

  test.for<readonly [readonly string[], number, string]>([
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
    [['run', 'job', '--backend', 'bully://a@h:1?quorum=false', '--', 'true'], 78, 'only peers stand'],
    [
      [
        'run',
        'job',
        '--backend',
        'bully://a@127.0.0.1:1?quorum=false',
        '--exclusivity',
        'time',
        '--',
        'true',
      ],
      78,
      'advisory',
    ],
    [['serve', 'job', '--backend', 'bully://a@127.0.0.1:1?quorum=false'], 78, 'there is none'],
    [['run', 'job', '--backend', 'bully://a@h:1', '--', 'true'], 78, 'only peers stand'],
    [['run', 'job', '--backend', 'raft://a@127.0.0.1:1?self=a', '--', 'true'], 78, 'needs a data folder'],
    [['run', 'job', ...memory, '--lease', '10ms', '--', 'true'], 78, 'Choose a longer lease'],
    [['peer', '--backend', 'raft://a@127.0.0.1:1?self=a', '--data', job], 78, 'cannot be used (ENOTDIR'],
    [['peer', '--backend', 'raft://a@127.0.0.1:1?self=a', '--data', ''], 78, '--data is empty'],
    [['resign', 'job'], 78, 'No backend is named'],
    [['resign', 'job', '--backend', 'etcd://127.0.0.1:1'], 78, 'Send SIGTERM'],
    [['transfer', 'job', '--to', 'b', '--backend', 'zk://127.0.0.1:1'], 78, 'leadership.transfer(to)'],
    [['transfer', 'job', ...memory], 64, 'mandate transfer job --to <id>'],
    [['resign', 'job', ...memory, '--if-token', 'x'], 64, "'x' is no token"],
    [['resign', 'job', ...memory, '--wait', '0s'], 78, 'would always give up'],
    [['resign', 'job', ...memory], 1, "nobody leads 'job'"],
    [['run', 'job', ...memory, '--', '/no/such/command'], 127, "no command '/no/such/command'"],
    [['run', 'job', ...memory, '--', 'no-such-command'], 127, 'in PATH'],
    [['run', 'job', ...memory, '--', '/etc/passwd'], 126, 'not an executable file'],
  ])('%j exits with %i and says why', async ([args, code, message], { stage }) => {
    const result = await stage.finish(args)
    expect(result.code, result.stderr).toBe(code)
    expect(result.stderr).toContain(message)
  })

  test('metadata that no backend could keep is a wrong setting, not a backend that is away', async ({
    stage,
  }) => {
    const result = await stage.finish(run('--metadata', `a=${'x'.repeat(5000)}`, '--', 'true'))
    expect(result.code, result.stderr).toBe(78)
    expect(result.stderr).toContain('shorten it')
  })

  test('help has examples and is no error', async ({ stage }) => {
    const help = await stage.finish(['run', '--help'])
    expect(help.code).toBe(0)
    expect(help.stdout).toContain('Examples:')
  })

  test('no shell unless asked for', async ({ stage }) => {
    const plain = await stage.finish(['run', 'job', ...memory, '--', 'echo', '$HOME', '|', 'cat'])
    expect(plain.stdout).toBe('$HOME | cat\n')
    const shell = await stage.finish(['run', 'job', ...memory, '--shell', '--', 'echo $((40 + 2)) | cat'])
    expect(shell.stdout).toBe('42\n')
  })

  test('not elected in time: 75', async ({ stage }) => {
    const config = stage.scripted({ win: false })
    const result = await stage.finish(['run', 'job', '--config', config, '--wait', '200ms', '--', 'true'])
    expect(result.code).toBe(75)
    expect(result.lastLine).toContain("exit 75 is mandate's own: not elected within 200ms")
  })

  test('TERM while waiting ends in order, with 143', async ({ stage }) => {
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

  test('TERM in the first moments ends in order as well', async ({ stage }) => {
    const mandate = stage.start(run('--', node, job, 'orderly'))
    await new Promise<void>((resolve) => mandate.process.once('spawn', resolve))
    // As soon as its handlers are there; before that, the default action is all there can be.
    await until(() => mandate.stderr !== '' || mandate.process.exitCode !== null, 'the first line')
    mandate.kill('SIGTERM')
    expect([7, 143]).toContain(await mandate.ended)
    expect(mandate.stderr).toContain('"event":"exited"')
  })

  test.for([
    ['UNAUTHORIZED', 77],
    ['FORBIDDEN', 77],
    ['DUPLICATE_ID', 78],
    ['UNSUPPORTED', 78],
  ] as const)('a session refused with %s ends run with %i', async ([fail, code], { stage }) => {
    const config = stage.scripted({ fail })
    const result = await stage.finish(['run', 'job', '--config', config, '--', 'true'])
    expect(result.code, result.stderr).toBe(code)
    expect(result.lastLine).toContain(`exit ${code} is mandate's own`)
  })

  test('a wrong line and a wrong setting end with one NDJSON event, too, if that was asked for', async ({
    stage,
  }) => {
    const wrong = [
      { args: ['--leas', '3s', '--', 'true'], code: 64 },
      { args: ['--lease', '3', '--', 'true'], code: 78 },
      { args: ['node', 'job.js'], code: 64 },
    ]
    for (const { args, code } of wrong) {
      const result = await stage.finish(run(...args))
      expect(result.code).toBe(code)
      expect(JSON.parse(result.stderr)).toMatchObject({
        level: 'error',
        event: 'exited',
        election: 'job',
        exitCode: code,
        reason: 'mandate',
      })
    }
  })

  test('the worst takeover is told, and when the command is asked and killed', async ({ stage }) => {
    const { stderr } = await stage.finish([
      'run',
      'job',
      ...memory,
      '--lease',
      '5s',
      '--grace',
      '2s',
      '--',
      'true',
    ])
    expect(stderr).toContain(
      'without contact for 2800ms the command is asked to stop, after 4800ms it is dead',
    )
    expect(stderr).toContain('worst takeover: about 5s')
  })

  test('asked again while its goodbye is not answered, run does not wait for it', async ({ stage }) => {
    const args = [
      'run',
      'job',
      '--config',
      stage.scripted({ hangs: true }),
      ...json,
      '--',
      node,
      job,
      'orderly',
    ]
    const [patient, hurried] = [stage.start(args), stage.start(args)]
    await Promise.all([patient.commandPid(), hurried.commandPid()])
    patient.kill('SIGTERM')
    hurried.kill('SIGTERM')
    await until(() => hurried.events('exited').length === 1, 'the end of the command')
    await hurry(hurried)
    const first = await Promise.race([
      patient.ended.then(() => 'patient'),
      hurried.ended.then(() => 'hurried'),
    ])
    expect(first).toBe('hurried')
    expect([await patient.ended, await hurried.ended]).toEqual([7, 7])
  })
})

describe.each(['time', 'token'])('in %s mode', { concurrent: true }, (mode) => {
  const inMode = ['--exclusivity', mode]
  test('leadership lost: 79 with --on-loss exit, and the command is dead', async ({ stage }) => {
    const loseOnFile = join(stage.folder, 'lose')
    const config = stage.scripted({ loseOnFile })
    const mandate = stage.start([
      'run',
      'job',
      '--config',
      config,
      ...json,
      ...inMode,
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

  test('leadership lost: by default the command is stopped, and run stands again', async ({ stage }) => {
    const loseOnFile = join(stage.folder, 'lose')
    const config = stage.scripted({ loseOnFile, reason: 'session-lost' })
    const mandate = stage.start([
      'run',
      'job',
      '--config',
      config,
      ...json,
      ...inMode,
      '--',
      node,
      job,
      'orderly',
    ])
    await mandate.commandPid()
    writeFileSync(loseOnFile, '')
    await mandate.commandPid(2)
    expect(mandate.told('stopping').length).toBeGreaterThan(0)
  })

  test('not renewed: the command is asked to stop in time for its grace, and killed after it', async ({
    stage,
  }) => {
    const config = stage.scripted({ renew: false })
    const times = ['--lease', '3s', '--grace', '500ms', '--on-loss', 'exit']
    const mandate = stage.start([
      'run',
      'job',
      '--config',
      config,
      ...json,
      ...inMode,
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
  test('TERM: the command stops first, then run resigns and exits with its code', async ({ stage }) => {
    const mandate = stage.start(run(...inMode, '--', node, job, 'orderly'))
    await mandate.commandPid()
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(7)
    expect(mandate.told('stopping')).toHaveLength(1)
    const order = mandate.events().map(({ event }) => event)
    expect(order.slice(-4)).toEqual(['stopping', 'exited', 'resigned', 'exited'])
  })

  test('a command that ignores TERM is killed when its grace is over', async ({ stage }) => {
    const mandate = stage.start(run(...inMode, '--grace', '300ms', '--', node, job, 'stubborn'))
    const pid = await mandate.commandPid()
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(137)
    expect(mandate.told('ignored')).toHaveLength(1)
    expect(mandate.events('guard')).toMatchObject([{ reason: 'grace' }])
    expect(isRunning(pid)).toBe(false)
  })

  test('a second TERM does not wait for the grace', async ({ stage }) => {
    const mandate = stage.start(
      run(...inMode, '--lease', '10m', '--grace', '8m', '--', node, job, 'stubborn'),
    )
    await mandate.commandPid()
    mandate.kill('SIGTERM')
    await until(() => mandate.told('ignored').length > 0, 'the first TERM')
    await hurry(mandate)
    expect(await mandate.ended).toBe(137)
  })

  test('the other signals are passed on to the command', async ({ stage }) => {
    const mandate = stage.start(run(...inMode, '--', node, job))
    await mandate.commandPid()
    const passedOn = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGWINCH', 'SIGCONT'] as const
    for (const signal of passedOn) {
      mandate.kill(signal)
      await until(() => mandate.told(signal).length > 0, signal)
    }
  })

  test('what the command leaves behind in its group is stopped before run resigns', async ({ stage }) => {
    const mandate = stage.start(run(...inMode, '--grace', '300ms', '--', node, job, 'parent', 'leaves'))
    await until(() => mandate.told('start').length === 2, 'both processes')
    const pids = mandate.told('start').map((line) => stage.track(Number(line['pid'])))
    expect(await mandate.ended).toBe(5)
    expect(pids.map(isRunning)).toEqual([false, false])
    expect(mandate.events('stopping')).toMatchObject([{ reason: 'leftover' }])
  })

  /** Fails with 3 until its third start, and then ends with 0. */
  const failsTwice = 'echo x >> lives; echo "$MANDATE_TOKEN"; [ "$(wc -l < lives)" -ge 3 ] || exit 3'

  test('--restart on-failure: again while it fails, under the same token, and over when it succeeds', async ({
    stage,
  }) => {
    const result = await stage.finish(run(...inMode, '--restart', 'on-failure', '--', 'sh', '-c', failsTwice))
    expect(result.code, result.stderr).toBe(0)
    const tokens = result.stdout.trimEnd().split('\n')
    expect(tokens).toHaveLength(3)
    expect(new Set(tokens).size).toBe(1)
    const events = result.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const names = events.filter(({ level }) => level === 'info').map(({ event }) => event)
    const life = ['started', 'exited']
    expect(names).toEqual(['campaigning', 'elected', ...life, ...life, ...life, 'resigned', 'exited'])
  })

  test('--restart always: TERM ends the command and run, with the code of the last life', async ({
    stage,
  }) => {
    const mandate = stage.start(run(...inMode, '--restart', 'always', '--', node, job, 'orderly', 'leaves'))
    await mandate.commandPid(2)
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(7)
  })

  test('--restart: TERM between two lives ends run at once, with its own code', async ({ stage }) => {
    const args = ['run', 'job', ...memory, ...inMode, '--restart', 'always', '--', 'false']
    const mandate = stage.start(args)
    const times = (text: string): number => mandate.stderr.split(text).length - 1
    // Told once nobody of the command's group is left, for people only.
    await until(() => times('starting the command again in 1600ms') === 1, 'the fifth pause')
    mandate.kill('SIGHUP')
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(143)
    expect(times('started the command')).toBe(5)
    expect(times('mandate: resigned')).toBe(1)
  })

  test('--restart: a leadership lost between two lives is not used again', async ({ stage }) => {
    const loseOnFile = join(stage.folder, 'lose')
    const config = stage.scripted({ loseOnFile })
    const mandate = stage.start([
      'run',
      'job',
      '--config',
      config,
      ...json,
      ...inMode,
      '--on-loss',
      'exit',
      '--restart',
      'on-failure',
      '--',
      'false',
    ])
    await until(() => mandate.events('exited').length === 5, 'the fifth life')
    writeFileSync(loseOnFile, '')
    expect(await mandate.ended).toBe(79)
    expect(mandate.events('started')).toHaveLength(5)
    expect(mandate.events('lost')).toMatchObject([{ reason: 'revoked' }])
  })

  test('a command that is stopped by SIGSTOP still ends', async ({ stage }) => {
    const mandate = stage.start(run(...inMode, '--grace', '300ms', '--', node, job, 'orderly'))
    process.kill(await mandate.commandPid(), 'SIGSTOP')
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(137)
  })
})
