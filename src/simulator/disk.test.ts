import { beforeEach, expect, test } from 'vitest'
import type { LogRecord } from '../cluster/messages.ts'
import { Disk } from './disk.ts'
import { Incarnation } from './incarnation.ts'
import { Stream } from './streams.ts'
import { stage, type Stage } from './testing/stage.ts'

let world: Stage
let disk: Disk
let runs: number

beforeEach(() => {
  world = stage()
  runs = 0
  disk = diskOf('disk')
})

function diskOf(seed: string): Disk {
  return new Disk({
    scheduler: world.scheduler,
    chance: new Stream(seed),
    tally: (fault) => void world.struck.set(fault, (world.struck.get(fault) ?? 0) + 1),
    peer: 'a',
    cluster: 'c',
    writeMs: [10, 10],
  })
}

const vote = (term: number): LogRecord => ({ type: 'hard-state', term, votedFor: 'a' })
const terms = (records: readonly LogRecord[]): number[] =>
  records.flatMap((record) => (record.type === 'hard-state' ? [record.term] : []))

interface Run {
  readonly process: Incarnation
  write(term: number): void
  /** What the start found, or its error. */
  readonly found: { terms?: number[]; incarnation?: number; error?: unknown }
}

/** A process that opens the disk. */
async function start(): Promise<Run> {
  const process = new Incarnation(world.scheduler, 'a', ++runs, 1)
  const storage = disk.storage(process, {
    appended: () => undefined,
    durable: () => undefined,
    recovered: () => undefined,
  })
  const found: Run['found'] = {}
  world.inside(process, () => {
    storage.open().then(
      ({ records, incarnation }) => Object.assign(found, { terms: terms(records), incarnation }),
      (error: unknown) => Object.assign(found, { error }),
    )
  })
  await world.pass(20)
  return {
    process,
    found,
    write: (term) =>
      world.inside(process, () =>
        storage.append([vote(term)], (error) =>
          world.tell(
            error === undefined ? `durable ${term}` : `failed ${term} ${(error as { code: string }).code}`,
          ),
        ),
      ),
  }
}

test('a write takes its time; what comes meanwhile goes with the next one', async () => {
  const { write } = await start()
  write(1)
  write(2)
  write(3)
  await world.pass(50)
  expect(world.told).toEqual(['30 durable 1', '40 durable 2', '40 durable 3'])
})

test('what was told to be durable is found by the next start, which has the next number', async () => {
  const first = await start()
  first.write(1)
  await world.pass(20)
  first.write(2)
  await world.pass(20)
  first.process.die()
  const second = await start()
  expect(first.found.incarnation).toBe(1)
  expect(second.found).toEqual({ terms: [1, 2], incarnation: 2 })
})

test('two processes never have one disk', async () => {
  await start()
  const second = await start()
  expect(second.found.error).toMatchObject({ code: 'DATA_DIR_IN_USE' })
})

test('after a crash the writes that nobody was told of are there, in part or not at all, and the real recovery reads it', async () => {
  const fates = new Set<string>()
  for (let seed = 0; seed < 60; seed++) {
    disk = diskOf(`crash ${seed}`)
    const first = await start()
    first.write(1)
    await world.pass(15)
    first.write(2)
    await world.pass(5)
    first.write(3)
    first.process.die()
    const { found } = await start()
    expect(found.error).toBeUndefined()
    expect(found.terms?.[0]).toBe(1)
    fates.add(String(found.terms))
  }
  // The third was in no write yet.
  expect([...fates].toSorted()).toEqual(['1', '1,2'])
  expect(world.struck.get('torn tail')).toBeGreaterThan(5)
  expect(world.struck.get('unsynced writes lost')).toBeGreaterThan(5)
})

test('a disk that hangs answers when it goes on', async () => {
  const { write } = await start()
  disk.hold()
  write(1)
  await world.pass(500)
  expect(world.told).toEqual([])
  disk.release()
  await world.pass(20)
  expect(world.told).toEqual(['530 durable 1'])
})

test('a slow disk is that much slower', async () => {
  const { write } = await start()
  disk.slow(20)
  write(1)
  await world.pass(300)
  expect(world.told).toEqual(['220 durable 1'])
})

test.each([
  ['fsync', 'INTERNAL', 'fsync failed'],
  ['full', 'DISK_FULL', 'disk full'],
] as const)(
  'after a write that failed (%s) nothing is written until another start',
  async (how, code, fault) => {
    const first = await start()
    disk.fail(how)
    first.write(1)
    await world.pass(20)
    first.write(2)
    await world.pass(20)
    expect(world.told).toEqual([`30 failed 1 ${code}`, `40 failed 2 ${code}`])
    expect(world.struck.get(fault)).toBe(1)
    first.process.die()
    const second = await start()
    expect(second.found.error).toBeUndefined()
    second.write(3)
    await world.pass(20)
    expect(world.told.at(-1)).toBe('90 durable 3')
  },
)

test('a bit that flipped is never read as something else: the real recovery refuses the folder, every time', async () => {
  for (let seed = 0; seed < 40; seed++) {
    disk = diskOf(`flip ${seed}`)
    const first = await start()
    first.write(1)
    await world.pass(20)
    first.process.die()
    disk.flip()
    for (let i = 0; i < 2; i++) {
      const { found, process } = await start()
      expect(found.error, `seed ${seed}`).toMatchObject({ code: 'DATA_CORRUPT' })
      process.die()
    }
  }
})

test('an older copy of the folder has forgotten what came after it', async () => {
  const first = await start()
  first.write(1)
  await world.pass(20)
  const copy = disk.copy()
  first.write(2)
  await world.pass(20)
  first.process.die()
  disk.restore(copy)
  const second = await start()
  expect(second.found).toEqual({ terms: [1], incarnation: 2 })
})
