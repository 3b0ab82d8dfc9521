import { expect } from 'vitest'
import { freePorts } from '../../src/cli/demo/ports.ts'
import { FaultProxy } from '../servers/proxy.ts'
import { job, until, type Mandate } from './processes.ts'
import { test } from './staged.ts'

/** What `observe` told, in order: who leads, by its lines on stdout. */
function leaders(observer: Mandate): { readonly at: number; readonly id: string | null }[] {
  return observer.told().map((line) => {
    const leader = line['leader'] as { readonly id: string } | null
    return { at: Number(line['at']), id: leader?.id ?? null }
  })
}

test('two sites that are cut apart have a leader each; when they meet, the lower one stops before anybody hears of it', async ({
  stage,
}) => {
  const [portA = 0, portB = 0, nowhere = 0] = await freePorts(3)
  const [toA, toB] = (await FaultProxy.toAll([portA, portB])) as [FaultProxy, FaultProxy]
  const common = 'quorum=false&cluster=two-sites&timing=fast'
  const site = (self: string, a: number, b: number): string =>
    `bully://a@127.0.0.1:${a},b@127.0.0.1:${b}?${common}&self=${self}&data=./${self}`
  const run = (self: string, a: number, b: number): Mandate =>
    stage.start(
      [
        ...['run', 'job', '--backend', site(self, a, b), '--lease', '600ms', '--grace', '200ms'],
        ...['--log-format', 'json', '--', process.execPath, job],
      ],
      { MANDATE_TOKEN: '7', MANDATE_TOKEN_SCOPE: 'inherited' },
    )
  const observe = (a: number, b: number): Mandate =>
    stage.start([
      'observe',
      'job',
      '--backend',
      `bully://a@127.0.0.1:${a},b@127.0.0.1:${b}?${common}`,
      '--json',
    ])
  const a = run('a', portA, toB.port)
  const why = (): string => `${a.stderr}\n${b.stderr}`
  const b = run('b', toA.port, portB)
  const [atA, atB] = [observe(portA, nowhere), observe(nowhere, portB)]
  try {
    const sees = (observer: Mandate, id: string): boolean => leaders(observer).at(-1)?.id === id
    // Whoever came first leads; here it has to be b, so that the cut makes a the lower one.
    await until(
      () => leaders(atA).at(-1)?.id != null && sees(atB, leaders(atA).at(-1)?.id ?? ''),
      'a leader',
      why,
    )
    for (const proxy of [toA, toB]) proxy.blackHole()
    await until(() => sees(atA, 'a') && sees(atB, 'b'), 'two leaders', why)
    await until(() => a.told('start').length > 0 && b.told('start').length > 0, 'two commands', why)
    for (const proxy of [toA, toB]) await proxy.heal()
    await until(() => sees(atA, 'b') && sees(atB, 'b'), 'one leader', why)

    const [lost] = a.events('lost').slice(-1)
    expect(lost).toMatchObject({ reason: 'superseded', token: null })
    const merged = leaders(atA).findLast(({ id }) => id === 'b')
    expect(merged?.at).toBeGreaterThanOrEqual(Number(lost?.['at']))
    // b led through the meeting, if it led when they met.
    expect(leaders(atB).at(-1)?.id).toBe('b')

    const [elected] = a.events('elected').slice(-1)
    expect(elected).toMatchObject({ token: null, msg: expect.stringContaining('rank') })
    expect(
      a.events().some(({ level, msg }) => level === 'warn' && /quorum=false.*two may run/.test(String(msg))),
    ).toBe(true)
    expect(a.told('start').at(-1)).toMatchObject({
      ...{ MANDATE_ELECTION: 'job', MANDATE_ID: 'a', MANDATE_RANK: expect.stringMatching(/^\d+\.0$/) },
    })
    for (const name of ['MANDATE_TOKEN', 'MANDATE_TOKEN_SCOPE'])
      expect(a.told('start').at(-1), 'not even an inherited one').not.toHaveProperty(name)
    const line = atA.told().at(-1)
    expect(line).toMatchObject({ leader: { id: 'b', token: '', scope: '', rank: { slot: 1 } } })

    const status = await stage.finish([
      'status',
      'job',
      '--backend',
      site('a', portA, portB).replace(/&self.*/, ''),
      '--json',
    ])
    expect(status.code, status.stderr).toBe(0)
    expect(JSON.parse(status.stdout)).toMatchObject({
      backend: { type: 'bully', guarantee: 'advisory', reachable: true },
      cluster: { quorum: { size: 1, reachable: 2, ok: true } },
      elections: [{ name: 'job', state: 'led', exclusivity: 'none', leader: { id: 'b', token: '' } }],
    })
    const leader = await stage.finish([
      'leader',
      'job',
      '--backend',
      site('a', portA, portB).replace(/&self.*/, ''),
    ])
    expect(leader).toMatchObject({ code: 0, stdout: 'b\n' })
  } finally {
    for (const proxy of [toA, toB]) await proxy.close()
  }
})
