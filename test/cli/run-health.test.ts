/** `run --health`: who is unhealthy does not stand, and hands over once its command is dead. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { Cluster, leading } from './cluster.ts'
import { isRunning, job, until } from './processes.ts'
import type { Mandate } from './processes.ts'
import { test } from './staged.ts'

const node = process.execPath
const quick = ['--health-interval', '100ms', '--health-failures', '2', '--health-successes', '2']

const names = (mandate: Mandate): readonly unknown[] => mandate.events().map(({ event }) => event)
const isUnhealthy = (mandate: Mandate) => (): boolean =>
  mandate.events().some(({ reason, level }) => reason === 'unhealthy' && level === 'warn')

describe('run --health', { concurrent: true }, () => {
  test('stands only once its check succeeds', async ({ stage }) => {
    const well = join(stage.folder, 'well')
    const health = ['--health', `test -e ${well}`, ...quick]
    const run = ['run', 'job', '--backend', 'memory://', '--log-format', 'json', ...health, '--', node, job]
    const mandate = stage.start(run)
    await until(isUnhealthy(mandate), 'the first check', () => mandate.stderr)
    expect(mandate.events('elected')).toEqual([])
    expect(mandate.events().find(({ reason }) => reason === 'unhealthy')?.['msg']).toContain('exited with 1')
    writeFileSync(well, '')
    await mandate.commandPid()
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(143)
  })

  test('hands over when its check fails: the command stops in order, then another replica leads', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage, '?tuning=adaptive')
    const sick = join(stage.folder, 'sick-')
    const options = ['--lease', '8s', '--grace', '2s', '--health', `test ! -e ${sick}"$MANDATE_ID"`, ...quick]
    const runs = (['a', 'b', 'c'] as const).map((id) =>
      cluster.run(id, ...options, '--', node, job, 'orderly'),
    )
    const first = await leading(runs)
    const pid = await first.commandPid()
    const id = String(first.told('start')[0]?.['MANDATE_ID'])
    writeFileSync(`${sick}${id}`, '')
    const second = await leading(runs, 2)
    expect(second).not.toBe(first)
    expect(isRunning(pid)).toBe(false)
    // SIGTERM and time to end, as at any loss.
    expect(first.told('stopping')).toHaveLength(1)
    expect(first.events('lost')[0]).toMatchObject({ reason: 'unhealthy' })
    const [stopped] = first.events('exited')
    const [elected] = second.events('elected')
    expect(Number(elected?.['at'])).toBeGreaterThanOrEqual(Number(stopped?.['at']))
    // Healthy again, it waits behind the one that leads now.
    rmSync(`${sick}${id}`)
    await until(
      () => names(first).filter((name) => name === 'campaigning').length >= 2,
      'it stands again',
      () => first.stderr,
    )
    expect(runs.reduce((lives, run) => lives + run.told('start').length, 0)).toBe(2)
  })

  test('a check that hangs is killed with what it started, and counts as failed', async ({ stage }) => {
    const pids = join(stage.folder, 'pids')
    const health = ['--health', `echo $$ >> ${pids}; sleep 600`, '--health-timeout', '200ms', ...quick]
    const run = ['run', 'job', '--backend', 'memory://', '--log-format', 'json', ...health, '--', node, job]
    const mandate = stage.start(run)
    const begun = (): number[] =>
      existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n').map(Number) : []
    await until(
      () => begun().length >= 3,
      'three checks',
      () => mandate.stderr,
    )
    mandate.kill('SIGTERM')
    expect(await mandate.ended).toBe(143)
    await until(
      () => begun().every((pid) => !isRunning(pid)),
      'the end of all checks',
      () => begun().join(),
    )
    expect(mandate.events('elected')).toEqual([])
    expect(mandate.events().find(({ reason }) => reason === 'unhealthy')?.['msg']).toContain('within 200 ms')
  })

  test('a leadership that is taken away while it is given up leaves the command no grace', async ({
    stage,
  }) => {
    const [sick, loseOnFile] = [join(stage.folder, 'sick'), join(stage.folder, 'lose')]
    const config = stage.scripted({ loseOnFile, reason: 'revoked' })
    const times = ['--lease', '1h', '--grace', '20m', '--on-loss', 'exit', '--health-failures', '1']
    const health = ['--health', `test ! -e ${sick}`, '--health-interval', '100ms']
    const args = ['run', 'job', '--config', config, '--log-format', 'json', ...times, ...health]
    const mandate = stage.start([...args, '--', node, job, 'stubborn'])
    const pid = await mandate.commandPid()
    writeFileSync(sick, '')
    await until(
      () => mandate.told('ignored').length === 1,
      'the signal to stop',
      () => mandate.stderr,
    )
    writeFileSync(loseOnFile, '')
    expect(await mandate.ended).toBe(79)
    expect(isRunning(pid)).toBe(false)
  })

  test('with --on-loss exit an unhealthy leader ends with 79', async ({ stage }) => {
    const sick = join(stage.folder, 'sick')
    const health = ['--health', `test ! -e ${sick}`, ...quick, '--on-loss', 'exit']
    const run = ['run', 'job', '--backend', 'memory://', '--log-format', 'json', ...health, '--', node, job]
    const mandate = stage.start(run)
    await mandate.commandPid()
    writeFileSync(sick, '')
    expect(await mandate.ended).toBe(79)
  })

  test('--wait counts while it is unhealthy', async ({ stage }) => {
    const health = ['--health', 'false', ...quick, '--wait', '500ms']
    const run = ['run', 'job', '--backend', 'memory://', ...health, '--', node, job]
    expect((await stage.finish(run)).code).toBe(75)
  })

  test('wrong settings are refused by name', async ({ stage }) => {
    const run = ['run', 'job', '--backend', 'memory://', '--health', 'true']
    const { code, stderr } = await stage.finish([...run, '--health-failures', '0', '--', 'true'])
    expect(code).toBe(78)
    expect(stderr).toContain('--health-failures')
  })
})
