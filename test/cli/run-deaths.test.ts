/**
 * Whoever of `run` is killed or stopped, in whatever order: the command and all it has started end, in both modes.
 *
 * The lease is ten minutes wherever no deadline is meant, so that only what is tested can have ended the command.
 */
import { describe, expect } from 'vitest'
import { childrenOf, isRunning, job, parentOf, until } from './processes.ts'
import type { Mandate, Stage } from './processes.ts'
import { test } from './staged.ts'

const node = process.execPath
const long = ['--lease', '10m', '--grace', '8m']
// Short enough to wait for, and longer than a busy machine stalls of itself.
const short = ['--lease', '4s', '--grace', '400ms']

type Who = 'supervisor' | 'guard' | 'command'
type Step = readonly ['SIGKILL' | 'SIGSTOP' | 'SIGCONT', Who]

interface Family {
  readonly mandate: Mandate
  /** The command and whatever it has started. */
  readonly family: readonly number[]
}

interface Cast extends Family {
  readonly pids: Readonly<Record<Who, number>>
  /** The shells that kill last. */
  readonly deadmen: readonly number[]
}

async function startFamily(
  stage: Stage,
  mode: string,
  times: readonly string[],
  ...habits: string[]
): Promise<Family> {
  const flags = ['--backend', 'memory://', '--log-format', 'json', '--exclusivity', mode, ...times]
  const mandate = stage.start(['run', 'job', ...flags, '--', node, job, ...habits])
  const size = habits.some((habit) => ['parent', 'daemonises', 'escapes'].includes(habit)) ? 2 : 1
  await until(
    () => mandate.told('start').length === size,
    'the whole family',
    () => mandate.stderr,
  )
  return { mandate, family: mandate.told('start').map((line) => stage.track(Number(line['pid']))) }
}

/** With those around it. Of a command that does not leave: who is gone has no parent. */
async function cast(...given: Parameters<typeof startFamily>): Promise<Cast> {
  const [stage] = given
  const { mandate, family } = await startFamily(...given)
  await until(() => mandate.events('started').length === 1, 'the word of the guard')
  const command = Number(/pid (\d+)/.exec(String(mandate.events('started')[0]?.['msg']))?.[1])
  const guard = stage.track(parentOf(command))
  const shells = [...childrenOf(mandate.pid), ...childrenOf(guard)]
  const deadmen = shells.filter((pid) => pid !== guard && pid !== command).map((pid) => stage.track(pid))
  return { mandate, pids: { supervisor: mandate.pid, guard, command }, family, deadmen }
}

/** A later one may be dead by the time its turn comes: what kills it is quick. */
function play({ pids }: Cast, steps: readonly Step[]): void {
  for (const [signal, who] of steps) {
    try {
      process.kill(pids[who], signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

const nobodyRuns = (pids: readonly number[]) => (): boolean => !pids.some(isRunning)

const killed = (...who: readonly Who[]): readonly Step[] => who.map((each) => ['SIGKILL', each])

const lastOnes: readonly (readonly Step[])[] = [
  killed('supervisor'),
  killed('supervisor', 'guard'),
  killed('guard', 'supervisor'),
  killed('supervisor', 'guard', 'command'),
  killed('supervisor', 'command', 'guard'),
  killed('guard', 'supervisor', 'command'),
  killed('guard', 'command', 'supervisor'),
  killed('command', 'supervisor', 'guard'),
  killed('command', 'guard', 'supervisor'),
  [['SIGSTOP', 'supervisor'], ...killed('guard', 'supervisor')],
  [['SIGSTOP', 'guard'], ...killed('supervisor', 'guard')],
  [['SIGSTOP', 'command'], ...killed('supervisor')],
  [['SIGSTOP', 'command'], ...killed('guard', 'supervisor')],
]

describe.each(['time', 'token'])('%s mode', { concurrent: true }, (mode) => {
  test.for(lastOnes.map((steps) => ({ steps, title: steps.flat().join(' ') })))(
    '$title: nobody of the command runs, and nobody of ours stays',
    async ({ steps }, { stage }) => {
      const all = await cast(stage, mode, long, 'parent', 'stubborn')
      play(all, steps)
      await until(nobodyRuns(all.family), 'the death of the command')
      await until(nobodyRuns([all.pids.guard, ...all.deadmen]), 'the end of guard and deadmen')
    },
  )

  test.for([
    { first: 'supervisor', then: 'guard' },
    { first: 'guard', then: 'supervisor' },
  ] as const)(
    '$first stopped, $then killed: the command ends at once',
    async ({ first, then }, { stage }) => {
      const all = await cast(stage, mode, long, 'parent', 'stubborn')
      stage.track(all.pids[first])
      play(all, [
        ['SIGSTOP', first],
        ['SIGKILL', then],
      ])
      await until(nobodyRuns(all.family), 'the death of the command')
      expect(isRunning(all.pids[first])).toBe(true)
    },
  )

  test('supervisor stopped past its lease: all the command has started dies; it runs again, token higher', async ({
    stage,
  }) => {
    const all = await cast(stage, mode, short, 'daemonises', 'stubborn')
    const { mandate } = all
    mandate.kill('SIGSTOP')
    await until(nobodyRuns(all.family), 'the death of the command')
    mandate.kill('SIGCONT')
    await mandate.commandPid(3)
    const tokens = mandate.told('start').map((line) => BigInt(String(line['MANDATE_TOKEN'])))
    expect(tokens[2]).toBeGreaterThan(tokens[0] ?? 0n)
    expect(mandate.events('lost').length).toBeGreaterThan(0)
  })

  test('supervisor stopped, command killed: the code is told once the supervisor goes on', async ({
    stage,
  }) => {
    const all = await cast(stage, mode, long)
    play(all, [
      ['SIGSTOP', 'supervisor'],
      ['SIGKILL', 'command'],
      ['SIGCONT', 'supervisor'],
    ])
    expect(await all.mandate.ended).toBe(137)
    await until(nobodyRuns([all.pids.guard, ...all.deadmen]), 'the end of guard and deadmen')
  })

  test('guard killed: the supervisor kills the command, says so, and leads again with a new guard', async ({
    stage,
  }) => {
    const all = await cast(stage, mode, [], 'parent', 'stubborn')
    const { mandate } = all
    play(all, killed('guard'))
    await until(
      () => mandate.told('start').length === 4,
      'the second life',
      () => mandate.stderr,
    )
    expect(all.family.map(isRunning)).toEqual([false, false])
    expect(mandate.events('guard')).toMatchObject([{ level: 'error', reason: 'guard-lost' }])
    const [first, second] = mandate.events('elected').map(({ token }) => BigInt(String(token)))
    expect(second).toBeGreaterThan(first ?? 0n)
  })

  test('guard stopped: the supervisor does without its protection for no longer than a lease', async ({
    stage,
  }) => {
    const all = await cast(stage, mode, short, 'stubborn')
    play(all, [['SIGSTOP', 'guard']])
    await all.mandate.commandPid(2)
    expect(isRunning(all.pids.command)).toBe(false)
    expect(all.mandate.events('guard')[0]).toMatchObject({ level: 'error', reason: 'guard-lost' })
  })

  test('its deadmen killed: others take their place', async ({ stage }) => {
    const all = await cast(stage, mode, long, 'stubborn')
    expect(all.deadmen).toHaveLength(2)
    for (const pid of all.deadmen) process.kill(pid, 'SIGKILL')
    const shells = () => childrenOf(all.pids.guard).filter((pid) => pid !== all.pids.command)
    await until(() => shells().length === 1 && shells()[0] !== all.deadmen[1], 'a new deadman')
    for (const pid of [...shells(), ...childrenOf(all.mandate.pid)]) stage.track(pid)
    play(all, [['SIGSTOP', 'supervisor'], ...killed('guard')])
    stage.track(all.pids.supervisor)
    await until(nobodyRuns(all.family), 'the death of the command')
  })
})

describe.runIf(process.platform === 'linux').each(['time', 'token'])(
  'a daemon, in %s mode',
  { concurrent: true },
  (mode) => {
    test('dies with a supervisor that is killed', async ({ stage }) => {
      const all = await cast(stage, mode, long, 'daemonises', 'stubborn')
      play(all, killed('supervisor'))
      await until(nobodyRuns([...all.family, all.pids.guard]), 'the death of the daemon')
    })

    test('dies with a guard that is killed', async ({ stage }) => {
      const all = await cast(stage, mode, long, 'daemonises', 'stubborn')
      play(all, killed('guard'))
      await until(nobodyRuns(all.family), 'the death of the daemon')
    })

    test('is asked to stop when its command has ended, and killed after the grace; then run resigns', async ({
      stage,
    }) => {
      const { mandate, family } = await startFamily(stage, mode, ['--grace', '300ms'], 'daemonises', 'leaves')
      expect(await mandate.ended).toBe(5)
      expect(nobodyRuns(family)()).toBe(true)
      expect(mandate.told('ignored')).toHaveLength(1)
      expect(mandate.events('stopping')).toMatchObject([{ reason: 'leftover' }])
      const order = mandate.events().map(({ event }) => event)
      expect(order.slice(-4)).toEqual(['stopping', 'guard', 'resigned', 'exited'])
    })

    test('lives on, unseen, without MANDATE_TOKEN in its environment', async ({ stage }) => {
      const { mandate, family } = await startFamily(stage, mode, [], 'escapes', 'leaves')
      const escaped = mandate.told('start').find((line) => line['MANDATE_TOKEN'] === undefined)
      expect(family).toContain(escaped?.['pid'])
      await until(() => mandate.process.exitCode !== null, 'the end of run')
      expect(mandate.process.exitCode).toBe(5)
      expect(isRunning(Number(escaped?.['pid']))).toBe(true)
    })
  },
)
