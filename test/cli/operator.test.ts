/** `resign` and `transfer`: an operator who is no candidate, and a leader in another process. */
import { describe, expect } from 'vitest'
import { Cluster, leading, peerIds } from './cluster.ts'
import { isRunning, job, until } from './processes.ts'
import type { Mandate, Stage } from './processes.ts'
import { test } from './staged.ts'

const node = process.execPath
const engines = ['raft', 'paxos', 'bully'] as const

/** Three runs, of which one leads; a lease beyond the test's patience, so that only a release can free it. */
async function three(stage: Stage, engine: string, timing = 'calm') {
  // Calm: on a busy machine a candidate is silent for a moment, and who is silent is passed over.
  const cluster = await Cluster.plan(stage, `?timing=${timing}`, engine)
  const flags = ['--lease', '10m', '--grace', '20s']
  const runs = new Map(peerIds.map((id) => [id, cluster.run(id, ...flags, '--', node, job, 'orderly')]))
  const first = await leading([...runs.values()])
  const [led] = [...runs].find(([, run]) => run === first) ?? ['a']
  const others = peerIds.filter((id) => id !== led)
  for (const id of others) await stands(cluster, id)
  return { cluster, runs, all: [...runs.values()], first, led, others }
}

/** Until the peers list it among those who wait. */
async function stands(cluster: Cluster, id: string): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    const { stdout } = await cluster.ask('status', 'job', '--json')
    if (stdout.includes(`"waiting":[`) && stdout.split('"waiting":[')[1]?.includes(`"id":"${id}"`) === true)
      return
  }
  throw new Error(`${id} does not stand`)
}

/** Asks again where the machine was too busy for the leader to answer: a request may be repeated. */
async function untilTold(cluster: Cluster) {
  for (const end = performance.now() + 60_000; ;) {
    const late = await cluster.ask('resign', 'job', '--wait', '5s')
    if (late.stderr.includes('was told') || performance.now() > end) return late
  }
}

const lastToken = (run: Mandate): string => String(run.events('elected').at(-1)?.['token'])

describe.each(engines)('an operator of %s', { concurrent: true }, (engine) => {
  test('resign: the command stops, the next one starts, and the old leader stands again behind it', async ({
    stage,
  }) => {
    const { cluster, all, first, led, others } = await three(stage, engine)
    const child = stage.track(await first.commandPid())
    const { code, answer } = await cluster.askJson('resign', 'job', '--wait', '1m')
    expect(code).toBe(0)
    expect(answer).toMatchObject({
      schemaVersion: 1,
      command: 'resign',
      election: 'job',
      outcome: 'done',
      from: { id: led, token: lastToken(first) },
      token: lastToken(first),
      told: true,
      wanted: null,
    })
    const second = await leading(all, 2)
    expect(isRunning(child)).toBe(false)
    expect(first.told('stopping')).toHaveLength(1)
    expect(answer['to']).toMatchObject({ id: second.told('start')[0]?.['MANDATE_ID'] })
    expect(others).toContain(second.told('start')[0]?.['MANDATE_ID'])
    expect(BigInt(lastToken(second))).toBeGreaterThan(BigInt(lastToken(first)))
    expect(first.events('lost')).toMatchObject([
      { reason: 'resigned', msg: 'an operator asks for another leader' },
    ])
    await stands(cluster, led)
    expect(first.events('elected')).toHaveLength(1)
  })

  test('transfer: the named candidate leads next, and nobody else', async ({ stage }) => {
    const { cluster, runs, first, led, others } = await three(stage, engine)
    const child = stage.track(await first.commandPid())
    const to = others[1] ?? 'c'
    const done = await cluster.ask('transfer', 'job', '--to', to, '--wait', '1m')
    expect(done, done.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ gave up; . \(token \d+\) leads now/),
    })
    const second = await leading([...runs.values()], 2)
    expect(second).toBe(runs.get(to))
    expect(isRunning(child)).toBe(false)
    await until(
      () => first.events('resigned').length === 1,
      'the word of the old leader',
      () => first.stderr,
    )
    expect(first.events('resigned')[0]).toMatchObject({ msg: `handed over to '${to}'` })
    expect(first.events('lost')).toMatchObject([{ reason: 'transferred' }])
    const again = await cluster.askJson('transfer', 'job', '--to', to)
    expect(again).toMatchObject({ code: 0, answer: { outcome: 'leads-already', from: { id: to } } })
    expect(led).not.toBe(to)
  })

  test('nobody is asked for what cannot be done: an unknown candidate, an earlier token', async ({
    stage,
  }) => {
    const { cluster, first, led } = await three(stage, engine)
    const child = await first.commandPid()
    const unknown = await cluster.askJson('transfer', 'job', '--to', 'nobody', '--wait', '1m')
    expect(unknown).toMatchObject({
      code: 1,
      answer: { outcome: 'no-such-candidate', from: { id: led }, to: { id: led } },
    })
    const token = String(BigInt(lastToken(first)) - 1n)
    const early = await cluster.ask('resign', 'job', '--if-token', token)
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining(`token ${token} does not lead`) })
    const vacant = await cluster.askJson('resign', 'other')
    expect(vacant).toMatchObject({
      code: 1,
      answer: { outcome: 'vacant', from: null, to: null, token: null },
    })
    expect(isRunning(child)).toBe(true)
    expect(first.events('lost')).toEqual([])
  })
})

describe('an operator', { concurrent: true }, () => {
  test('a command that does not stop in time: exit 75, and it still gives up once it has', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const runs = peerIds.map((id) =>
      cluster.run(id, '--lease', '10m', '--grace', '5m', '--', node, job, 'stubborn'),
    )
    const first = await leading(runs)
    const child = stage.track(await first.commandPid())
    const late = await untilTold(cluster)
    expect(late, late.stderr).toMatchObject({ code: 75, stderr: expect.stringContaining('was told') })
    expect(isRunning(child)).toBe(true)
    await until(() => first.told('ignored').length > 0, 'the signal')
    process.kill(child, 'SIGKILL')
    expect(await leading(runs, 2)).not.toBe(first)
  })

  test('without a quorum nobody can be asked: exit 69, and the leader is left alone', async ({ stage }) => {
    const { cluster, runs, first, others } = await three(stage, 'raft', 'default')
    const child = await first.commandPid()
    for (const id of others) runs.get(id)?.kill('SIGKILL')
    const away = await cluster.ask('resign', 'job')
    expect(away, away.stderr).toMatchObject({ code: 69, stderr: expect.stringContaining('cannot be told') })
    expect(first.events('lost')).toEqual([])
    expect(isRunning(child)).toBe(true)
  })

  test('a leader that stands alone leads again, and its operator is told so; --on-loss exit ends with 79', async ({
    stage,
  }) => {
    const cluster = await Cluster.plan(stage)
    const peers = [cluster.peer('b'), cluster.peer('c')]
    const run = cluster.run('a', '--', node, job, 'orderly')
    await run.commandPid()
    const alone = await cluster.ask('resign', 'job', '--wait', '1m')
    expect(alone.code, alone.stderr).toBe(0)
    expect(alone.stderr).toContain("nobody else waits in 'job': 'a' stops, and may lead again")
    await run.commandPid(2)
    run.kill('SIGTERM')
    await run.ended
    const last = cluster.run('a', '--on-loss', 'exit', '--', node, job, 'orderly')
    await last.commandPid()
    await cluster.ask('resign', 'job', '--wait', '1m')
    expect(await last.ended, last.stderr).toBe(79)
    expect(peers).toHaveLength(2)
  })

  test('between two lives of its command a leader gives up as well', async ({ stage }) => {
    const cluster = await Cluster.plan(stage)
    const peers = [cluster.peer('b'), cluster.peer('c')]
    const run = cluster.run('a', '--restart', 'always', '--', 'sh', '-c', 'exit 1')
    // By then the pauses are longer than a life.
    await until(
      () => run.events('exited').length >= 5,
      'five lives',
      () => run.stderr,
    )
    const given = await cluster.askJson('resign', 'job', '--wait', '1m')
    expect(given).toMatchObject({ code: 0, answer: { outcome: 'done', from: { id: 'a' } } })
    expect(run.events('lost')).toMatchObject([{ reason: 'resigned' }])
    await until(
      () => run.events('elected').length === 2,
      'another leadership',
      () => run.stderr,
    )
    expect(peers).toHaveLength(2)
  })
})
