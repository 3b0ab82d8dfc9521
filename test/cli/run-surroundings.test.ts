/** `run` on a terminal, and as the first process of a container. */
import { execFileSync } from 'node:child_process'
import { describe, expect } from 'vitest'
import { initScript } from '../../src/cli/init-script.ts'
import { Cluster, peerIds } from './cluster.ts'
import { childrenOf, isRunning, job, until } from './processes.ts'
import { test } from './staged.ts'

const node = process.execPath
const memory = ['run', 'job', '--backend', 'memory://']
const json = ['--log-format', 'json']

function works(file: string, ...args: string[]): boolean {
  try {
    execFileSync(file, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * Starts it on a terminal of its own: `script` of util-linux takes one command line. Its shell is replaced: left in between, it
 * would die of Ctrl-C at once, and `script` end without the rest of the output.
 */
const onTerminal = ['sh', '-c', `exec script -qec "exec $*" /dev/null`, 'sh']
const hasTerminals = works('script', '-qec', 'true', '/dev/null')

describe.runIf(hasTerminals)('on a terminal', { concurrent: true }, () => {
  const command = `'test -t 0 && test -t 1 && echo is-a-terminal; (: </dev/tty) 2>/dev/null || echo no-dev-tty; read line; echo got $line'`

  test('the command has it as stdin and stdout, but not as its own: no /dev/tty', async ({ stage }) => {
    const mandate = stage.start([...memory, '--', 'sh', '-c', command], {}, onTerminal)
    await until(
      () => mandate.stdout.includes('is-a-terminal'),
      'the terminal',
      () => mandate.stdout,
    )
    mandate.process.stdin?.write('typed\n')
    expect(await mandate.ended).toBe(0)
    expect(mandate.stdout).toContain('no-dev-tty')
    expect(mandate.stdout).toContain('got typed')
  })

  test('Ctrl-C reaches the command once, as INT', async ({ stage }) => {
    const mandate = stage.start([...memory, '--', node, job, 'interruptible'], {}, onTerminal)
    await until(
      () => mandate.told('start').length === 1,
      'the command',
      () => mandate.stdout,
    )
    mandate.process.stdin?.write('\u0003')
    expect(await mandate.ended).toBe(4)
    expect(mandate.stdout).toContain("exit 4 is the command's own")
    // Counted in the text: the terminal may echo ^C onto the same line.
    expect(mandate.stdout.split('"event":"SIGINT"')).toHaveLength(2)
  })
})

const newPidNamespace = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
const asInit = [...newPidNamespace, '/bin/sh', '-c', initScript, 'sh']
const mayUnshare = works('unshare', ...newPidNamespace.slice(1), 'true')
/** Orphans that end at once, and how many zombies are left of them. */
const orphans =
  'for i in 1 2 3; do (sleep 0.2 &); done; sleep 1; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l'

describe.runIf(mayUnshare)('as the first process', { concurrent: true }, () => {
  test('signals are passed on, the code passes through, and it says that it cannot collect orphans', async ({
    stage,
  }) => {
    const mandate = stage.start([...memory, ...json, '--', node, job, 'orderly'], {}, newPidNamespace)
    await until(
      () => mandate.told('start').length === 1,
      'the command',
      () => mandate.stderr,
    )
    const [first = -1] = childrenOf(mandate.pid)
    process.kill(first, 'SIGHUP')
    await until(() => mandate.told('SIGHUP').length === 1, 'SIGHUP')
    process.kill(first, 'SIGTERM')
    expect(await mandate.ended).toBe(7)
    expect('execve' in process || mandate.stderr.includes('docker run --init')).toBe(true)
  })

  test('zombies of the group do not count as left behind', async ({ stage }) => {
    const mandate = stage.start([...memory, ...json, '--', 'sh', '-c', orphans], {}, newPidNamespace)
    expect(await mandate.ended).toBe(0)
    expect(mandate.events('stopping')).toEqual([])
  })

  test('the init script collects orphans, passes stdin and signals on, and gives the code', async ({
    stage,
  }) => {
    const mandate = stage.start([...memory, ...json, '--', 'sh', '-c', `cat; ${orphans}; exit 3`], {}, asInit)
    mandate.process.stdin?.end('from stdin\n')
    expect(await mandate.ended).toBe(3)
    expect(mandate.stdout).toBe('from stdin\n0\n')
    const second = stage.start([...memory, ...json, '--', node, job, 'orderly'], {}, asInit)
    await until(
      () => second.told('start').length === 1,
      'the command',
      () => second.stderr,
    )
    for (const signal of ['SIGUSR1', 'SIGHUP', 'SIGTERM'] as const) {
      process.kill(childrenOf(second.pid)[0] ?? -1, signal)
      await until(() => signal === 'SIGTERM' || second.told(signal).length === 1, signal)
    }
    expect(await second.ended).toBe(7)
  })

  test('the init script outlives a supervisor that is killed, so that its guard can release', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const peers = peerIds.map((id) => cluster.peer(id))
    await until(() => peers.every(({ stdout }) => stdout.includes('is ready on')), 'three peers')
    const env = { MANDATE_BACKEND: cluster.url }
    // A lease beyond the test's patience: only a release can free it.
    const args = ['run', 'job', '--lease', '10m', ...json, '--', node, job]
    const first = stage.start(args, env, asInit)
    await until(
      () => first.told('start').length === 1,
      'the first command',
      () => first.stderr,
    )
    const second = stage.start(args, env)
    const [init = -1] = childrenOf(first.pid)
    // The supervisor is the script's only child.
    process.kill(childrenOf(init)[0] ?? -1, 'SIGKILL')
    expect(await first.ended).toBe(137)
    expect(isRunning(init)).toBe(false)
    await second.commandPid()
  })
})
