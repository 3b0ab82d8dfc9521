/** The leader's whole process is stopped past its lease, as by a debugger or a full machine, and wakes up later. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resolveTiming } from '../../src/lease/timing.ts'
import { CandidateProcess } from './candidate-process.ts'
import { breaches, grantsOf, type Grant } from './grant-history.ts'
import { eventually, Loopback, peerTable } from './loopback.ts'

let stage: Loopback
let all: CandidateProcess[]
beforeEach(() => {
  stage = new Loopback()
  all = []
})
afterEach(async () => {
  // SIGKILL ends a stopped process too.
  for (const each of all) each.kill('SIGKILL')
  await Promise.all(all.map(({ ended }) => ended))
  await stage.close()
})

const name = 'billing'

test.each(['time', 'token'] as const)(
  'another leads; the woken one knows before anything else that it does not, and can stand again (%s)',
  async (exclusivity) => {
    const peers = await peerTable('a', 'b', 'c')
    const contests = [{ name, exclusivity, tickMs: 1 }]
    for (const self of Object.keys(peers)) {
      all.push(new CandidateProcess({ peers, self, dataDir: stage.dataDir(self), timing: 'fast', contests }))
    }
    const first = await eventually('a leader', () => grantsOf(all, name).at(0))
    const sleeper = all.find(({ id }) => id === first.by)
    if (sleeper === undefined) throw new Error('the leader is one of them')
    await eventually(
      'every process to stand',
      () => all.every((each) => each.told('ready').length > 0) || undefined,
    )
    await eventually('it works', () => ticks(sleeper, first).at(0))

    sleeper.kill('SIGSTOP')
    const stoppedAt = performance.now()
    const second = await eventually('another leader', () =>
      grantsOf(all, name).find(({ at }) => at > first.at),
    )
    expect(second.by).not.toBe(first.by)
    // Its renewals cannot still count then.
    const { leaseMs } = resolveTiming('fast')
    await eventually('the end of its lease', () => performance.now() - stoppedAt > leaseMs || undefined)
    const told = sleeper.lines.length
    sleeper.kill('SIGCONT')
    const lost = await eventually('it is told', () => sleeper.told('lost').at(0))

    expect(lost).toMatchObject({ token: String(first.token), aborted: true, valid: false })
    expect(['expired', 'suspended', 'superseded', 'session-lost']).toContain(lost.reason)
    const after = sleeper.lines
      .slice(told)
      .filter((line) => 'token' in line && line.token === String(first.token))
    // One reading may have been under way when it was stopped; the instant it tells is then from before the stop.
    const woken = after.filter((line) => !('at' in line) || line.at > second.at)
    expect(woken.filter((line) => line.is === 'renewed' || (line.is === 'tick' && line.valid))).toEqual([])
    expect(breaches(grantsOf(all, name), exclusivity)).toEqual([])

    // Its turn comes again, by resignations, and with a token of its own.
    const third = await eventually('it leads again', () => {
      const newest = grantsOf(all, name).at(-1)
      if (newest === undefined || newest.token === first.token) return undefined
      if (newest.by === first.by) return newest
      all.find(({ id }) => id === newest.by)?.order(`resign ${name}`)
      return undefined
    })
    expect(third.token).toBeGreaterThan(second.token)
    await eventually('it works again', () => ticks(sleeper, third).at(0))
    expect(breaches(grantsOf(all, name), exclusivity)).toEqual([])
    expect(all.flatMap((each) => each.told('refused'))).toEqual([])
  },
)

function ticks(process: CandidateProcess, grant: Grant) {
  return process.told('tick').filter(({ token, valid }) => token === String(grant.token) && valid)
}
