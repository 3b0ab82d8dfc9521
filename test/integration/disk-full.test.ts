/** A peer whose log finds no room: the kernel refuses the write, as it does on a full disk (EFBIG, by a limit). */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CandidateProcess } from './candidate-process.ts'
import { breaches, grantsOf } from './grant-history.ts'
import { eventually, Loopback, peerTable } from './loopback.ts'

let stage: Loopback
let all: CandidateProcess[]
beforeEach(() => {
  stage = new Loopback()
  all = []
})
afterEach(async () => {
  for (const each of all) each.kill('SIGKILL')
  await Promise.all(all.map(({ ended }) => ended))
  await stage.close()
})

const name = 'billing'
const start = (peers: Readonly<Record<string, string>>, self: string, prefix?: string): CandidateProcess => {
  // Hand-overs all the time, so that the log grows.
  const contests = [{ name, exclusivity: 'time', holdMs: 10 }] as const
  const dataDir = stage.dataDir(self)
  const started = new CandidateProcess({ peers, self, dataDir, timing: 'fast', contests }, prefix)
  all.push(started)
  return started
}

test.skipIf(process.platform === 'win32')(
  'a peer without room reports DISK_FULL, what it led ends, and the others elect without it',
  async () => {
    const peers = await peerTable('a', 'b', 'c')
    // Blocks of 512 bytes (dash) or 1024 (bash).
    const full = start(peers, 'a', 'ulimit -f 32')
    const others = [start(peers, 'b'), start(peers, 'c')]
    const report = await eventually('the report', () =>
      full.told('failure').find(({ during }) => during === 'writing the log'),
    )
    expect(report.code).toBe('DISK_FULL')
    expect(report.message).toContain(
      `no room for the log in ${stage.dataDir('a')} (EFBIG); make room and start`,
    )

    const newest = grantsOf(all, name).at(-1)
    await eventually('ten more grants', () => {
      const more = grantsOf(others, name).filter(({ at }) => at > (newest?.at ?? 0))
      return more.length >= 10 ? more : undefined
    })
    const refused = await eventually('the campaigns in its own process to be told', () =>
      full.told('refused').at(-1),
    )
    expect(refused).toMatchObject({ code: 'CLOSED', cause: 'DISK_FULL' })
    expect(refused.message).toMatch(/This peer stopped by itself.*a full or broken disk/)
    expect(breaches(grantsOf(all, name), 'time')).toEqual([])
    for (const each of others) expect(each.told('refused')).toEqual([])

    // Room was made.
    full.kill('SIGKILL')
    await full.ended
    const again = start(peers, 'a')
    await eventually('it leads in its turn', () => grantsOf([again], name).at(0))
    expect(breaches(grantsOf(all, name), 'time')).toEqual([])
  },
)

test.skipIf(process.platform === 'win32')(
  'a peer that finds no room at its start says DISK_FULL and ends',
  async () => {
    const peers = await peerTable('a')
    const full = start(peers, 'a', 'ulimit -f 0')
    expect(await full.ended).toBe(1)
    expect(full.told('failure')).toMatchObject([{ during: 'start', code: 'DISK_FULL' }])
    expect(full.told('failure')[0]?.message).toContain('make room and start this peer again')
  },
)
