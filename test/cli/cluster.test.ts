/** `run`, `peer`, `observe`, `leader` and `status` over a real cluster of three processes. */
import { describe, expect } from 'vitest'
import { Cluster, leading, peerIds } from './cluster.ts'
import { isRunning, job, parentOf, until } from './processes.ts'
import type { Mandate } from './processes.ts'
import { test } from './staged.ts'

const node = process.execPath
const tokens = (runs: readonly Mandate[]) =>
  runs.flatMap((run) => run.told('start')).map((line) => BigInt(String(line['MANDATE_TOKEN'])))

describe.each(['time', 'token'])('in %s mode', { concurrent: true }, (mode) => {
  const inMode = ['--exclusivity', mode]

  test('three runs: exactly one runs the command; its supervisor killed, the child is dead and the next one runs', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const runs = peerIds.map((id) => cluster.run(id, ...inMode, '--', node, job, 'stubborn'))
    const first = await leading(runs)
    expect(tokens(runs)).toHaveLength(1)
    const child = stage.track(await first.commandPid())
    first.kill('SIGKILL')
    const second = await leading(runs, 2)
    // It had to die before the next one could start.
    expect(isRunning(child)).toBe(false)
    expect(second).not.toBe(first)
    const [one, two] = tokens([first, second])
    expect(two).toBeGreaterThan(one ?? 0n)
  })

  test('supervisor stopped past its lease: its child dies, in time mode before the next one starts', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    // Short enough to wait for, and longer than a busy machine stalls of itself.
    const times = ['--lease', '5s', '--grace', '500ms']
    const runs = peerIds.map((id) => cluster.run(id, ...inMode, ...times, '--', node, job, 'stubborn'))
    const first = await leading(runs)
    const child = stage.track(await first.commandPid())
    first.kill('SIGSTOP')
    const second = await leading(runs, 2)
    // In token mode the successor does not wait for that: the resource checks the token.
    if (mode === 'time') expect(isRunning(child)).toBe(false)
    await until(() => !isRunning(child), 'the death of the command')
    expect(second).not.toBe(first)
    first.kill('SIGCONT')
    await until(
      () => first.events('guard').length > 0 && first.events('lost').length > 0,
      'the news from the guard, and of the loss',
      () => first.stderr,
    )
    // Two kinds of news wait for it when it goes on, and which is read first is chance.
    expect(first.events('guard')).toMatchObject([{ reason: expect.stringMatching(/^(deadline|grace)$/) }])
    expect(first.events('lost')).toHaveLength(1)
  })

  test('supervisor and guard killed together: a deadman ends the command, and the next one starts', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const runs = peerIds.map((id) =>
      cluster.run(id, ...inMode, '--lease', '5s', '--grace', '500ms', '--', node, job),
    )
    const first = await leading(runs)
    const child = stage.track(await first.commandPid())
    process.kill(parentOf(child), 'SIGKILL')
    first.kill('SIGKILL')
    await until(() => !isRunning(child), 'the death of the command')
    expect(await leading(runs, 2)).not.toBe(first)
  })

  test('TERM hands over: the command ends, then the next one starts, and no lease is waited for', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    // A lease beyond the test's patience: only a release can free it.
    const runs = peerIds.map((id) => cluster.run(id, ...inMode, '--lease', '10m', '--', node, job, 'orderly'))
    const first = await leading(runs)
    first.kill('SIGTERM')
    expect(await first.ended).toBe(7)
    expect(await leading(runs, 2)).not.toBe(first)
  })

  test('supervisor killed with a long lease: the guard frees the session', async ({ stage }) => {
    const cluster = await Cluster.plan(stage)
    const runs = peerIds.map((id) => cluster.run(id, ...inMode, '--lease', '10m', '--', node, job))
    const first = await leading(runs)
    const child = stage.track(await first.commandPid())
    first.kill('SIGKILL')
    await leading(runs, 2)
    expect(isRunning(child)).toBe(false)
  })
})

describe('a cluster', { concurrent: true }, () => {
  test('a run that is no peer stands as a client; status, leader and observe tell the same', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const peers = peerIds.map((id) => cluster.peer(id))
    await until(() => peers.every(({ stdout }) => stdout.includes('is ready on')), 'three peers')
    const env = { MANDATE_BACKEND: cluster.url }
    const args = ['run', 'job', '--id', 'w1', '--metadata', 'url=http://h:1', '--log-format', 'json']
    const run = stage.start([...args, '--', node, job], env)
    await run.commandPid()
    const token = run.events('elected')[0]?.['token']
    const scope = run.told('start')[0]?.['MANDATE_TOKEN_SCOPE']
    const leader = { id: 'w1', token, scope, metadata: { url: 'http://h:1' } }

    expect((await cluster.ask('leader', 'job')).stdout).toBe('w1\n')
    const status = await cluster.askJson('status', 'job')
    expect(status.code).toBe(0)
    expect(status.answer).toMatchObject({
      schemaVersion: 1,
      command: 'status',
      backend: { type: 'raft', guarantee: 'linearizable', reachable: true },
      cluster: { id: scope, quorum: { size: 2, reachable: 3, ok: true } },
      elections: [{ name: 'job', state: 'led', leader, exclusivity: 'time', waiting: [] }],
    })
    const table = await cluster.ask('status')
    expect(table.stdout).toMatch(/ELECTION\s+LEADER\s+TOKEN/)

    const observe = stage.start(['observe', 'job', '--json'], env)
    const lines = () =>
      observe.stdout
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as object)
    await until(() => lines().length === 1, 'the first line')
    expect(lines()[0]).toMatchObject({
      schemaVersion: 1,
      command: 'observe',
      type: 'led',
      election: 'job',
      leader,
    })
    run.kill('SIGTERM')
    await until(() => lines().length === 2, 'the change')
    expect(lines()[1]).toMatchObject({ type: 'vacant', leader: null })
    observe.kill('SIGTERM')
    expect(await observe.ended).toBe(0)

    const vacant = await cluster.ask('leader', 'job')
    expect(vacant).toMatchObject({ code: 1, stdout: '' })
    peers[0]?.kill('SIGTERM')
    expect(await peers[0]?.ended).toBe(0)
  })

  test('without a quorum: status exits 1, leader 69; with nobody, status exits 69', async ({ stage }) => {
    const cluster = await Cluster.plan(stage)
    const peer = cluster.peer('a')
    await until(() => peer.stdout.includes('is ready on'), 'the peer')
    expect(peer.stdout).toMatch(/^peer a is ready on 127\.0\.0\.1:\d+, data in .*\/data\/a\n$/)
    const alone = await cluster.askJson('status')
    expect(alone.code).toBe(1)
    expect(alone.answer).toMatchObject({
      cluster: { leader: null, quorum: { size: 2, reachable: 1, ok: false } },
    })
    expect((await cluster.ask('leader', 'job')).code).toBe(69)
    await until(
      () => peer.stderr.includes('no quorum yet: 1 of 3 peers answer'),
      'the reason',
      () => peer.stderr,
    )
    expect(peer.stderr).toMatch(/no answer from b at 127\.0\.0\.1:\d+ \(.+\), c at/)
    peer.kill('SIGTERM')
    expect(await peer.ended).toBe(0)
    const nobody = await cluster.askJson('status')
    expect(nobody.code).toBe(69)
    expect(nobody.answer).toMatchObject({ backend: { reachable: false } })
  })

  test('a run that waits for a quorum says which peers are missing, and still stops in order', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const run = cluster.run('a', '--', 'true')
    await until(
      // Until its own peer listens nobody answers.
      () => /2 must\. Answered: a \(\w+\); no answer from b/.test(run.stderr),
      'the reason',
      () => run.stderr,
    )
    expect(run.events('campaigning').some(({ reason }) => reason === 'no-quorum')).toBe(true)
    run.kill('SIGTERM')
    expect(await run.ended).toBe(143)
  })

  test('two runs with one id: the second one is refused, with the fix', async ({ stage }) => {
    const cluster = await Cluster.plan(stage)
    const peers = peerIds.map((id) => cluster.peer(id))
    await until(() => peers.every(({ stdout }) => stdout.includes('is ready on')), 'three peers')
    const env = { MANDATE_BACKEND: cluster.url }
    const run = stage.start(['run', 'job', '--id', 'w1', '--log-format', 'json', '--', node, job], env)
    await run.commandPid()
    const twin = await cluster.ask('run', 'job', '--id', 'w1', '--', 'true')
    expect(twin.code, twin.stderr).toBe(78)
    expect(twin.stderr).toContain('w1')
    expect(twin.stderr).toContain('fix: give every process its own --id')
    expect(isRunning(await run.commandPid())).toBe(true)
  })

  test('a port or a folder in use, and a folder of another cluster, are configuration errors', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const peer = cluster.peer('a')
    await until(() => peer.stdout.includes('is ready on'), 'the peer')
    const folder = await cluster.ask('peer', '--self', 'a', '--data', './data/a')
    expect(folder).toMatchObject({ code: 78, stderr: expect.stringContaining('uses the data folder') })
    const port = await cluster.ask('peer', '--self', 'a', '--data', './data/other')
    expect(port).toMatchObject({ code: 78, stderr: expect.stringContaining('listens on') })
    peer.kill('SIGTERM')
    await peer.ended
    const other = await Cluster.plan(stage)
    const foreign = await other.ask('peer', '--self', 'a', '--data', './data/a')
    expect(foreign).toMatchObject({ code: 78, stderr: expect.stringContaining('cluster') })
  })
})
