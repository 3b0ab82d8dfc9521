import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Storage } from '../seams/storage.ts'
import { systemRandom } from '../system/random.ts'
import { encodeGroup, encodeRecords } from './log-format.ts'
import { logStorage, type LogStorageOptions } from './log-storage.ts'
import { LogWriter } from './log-writer.ts'
import type { LogRecord } from './messages.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-storage-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const opened: Storage<LogRecord>[] = []
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
})

let folders = 0
const freshFolder = (): string => join(folder, String((folders += 1)), 'data')

function storageIn(dataDir: string, change: Partial<LogStorageOptions> = {}) {
  const reports: string[] = []
  const storage = logStorage({
    dataDir,
    cluster: 'test',
    peer: 'a',
    random: systemRandom(),
    report: ({ error }) => reports.push((error as Error).message),
    ...change,
  })
  opened.push(storage)
  return Object.assign(storage, { reports })
}

const append = (storage: Storage<LogRecord>, ...records: LogRecord[]): Promise<unknown> =>
  new Promise((resolve) => storage.append(records, resolve))

const vote = (term: number): LogRecord => ({ type: 'hard-state', term, votedFor: 'a' })

describe('logStorage', () => {
  it('makes a private folder and recovers what was acknowledged, with a new incarnation and the same id', async () => {
    const dataDir = freshFolder()
    const first = storageIn(dataDir)
    const fresh = await first.open()
    expect(fresh).toMatchObject({ incarnation: 1, records: [] })
    expect(fresh.storageId).toMatch(/^[0-9a-f]{16}$/)
    expect(await append(first, vote(1), vote(2))).toBeUndefined()
    expect(await append(first, vote(3))).toBeUndefined()
    expect(first.bytes()).toBe(statSync(join(dataDir, 'log')).size)
    await first.close()
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'log')).mode & 0o777).toBe(0o600)

    const again = await storageIn(dataDir).open()
    expect(again).toEqual({
      incarnation: 2,
      run: expect.stringMatching(/^[0-9a-f]{16}$/),
      storageId: fresh.storageId,
      earlier: [{ incarnation: 1, run: fresh.run }],
      records: [vote(1), vote(2), vote(3)],
    })
  })

  it('calls back in order, never from within append, and puts what piled up into one group', async () => {
    const dataDir = freshFolder()
    const storage = storageIn(dataDir)
    await storage.open()
    const order: number[] = []
    const all = Array.from(
      { length: 200 },
      (_, i) => new Promise<void>((resolve) => storage.append([vote(i)], () => resolve(void order.push(i)))),
    )
    expect(order).toEqual([])
    await Promise.all(all)
    expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i))
    const groups = readFileSync(join(dataDir, 'log'), 'latin1').split('MLOG').length - 1
    expect(groups).toBeLessThan(100)
    await storage.close()
    expect((await storageIn(dataDir).open()).records).toHaveLength(200)
  })

  it('waits in close for what was appended, and refuses everything after it', async () => {
    const storage = storageIn(freshFolder())
    await storage.open()
    const results: unknown[] = []
    for (let i = 0; i < 10; i += 1) storage.append([vote(i)], (error) => results.push(error))
    await Promise.all([storage.close(), storage.close()])
    expect(results).toEqual(Array(10).fill(undefined))
    expect(await append(storage, vote(11))).toMatchObject({ code: 'CLOSED' })
    await expect(storage.open()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('can be closed before and while it opens', async () => {
    await storageIn(freshFolder()).close()
    const dataDir = freshFolder()
    const storage = storageIn(dataDir)
    const opening = storage.open()
    await storage.close()
    await opening
    await expect(storageIn(dataDir).open()).resolves.toMatchObject({ incarnation: 2 })
  })

  it('refuses a folder that is in use, by any path, and frees it on close', async () => {
    const dataDir = freshFolder()
    const storage = storageIn(dataDir)
    await storage.open()
    await expect(storageIn(join(dataDir, '..', 'data')).open()).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      details: { dataDir },
    })
    await storage.close()
    await storageIn(dataDir).open()
  })

  it('refuses the folder of another peer or cluster and names both', async () => {
    const dataDir = freshFolder()
    const storage = storageIn(dataDir)
    await storage.open()
    await storage.close()
    await expect(storageIn(dataDir, { cluster: 'prod' }).open()).rejects.toMatchObject({
      code: 'CLUSTER_MISMATCH',
      details: { expected: "peer 'a' of cluster 'prod'", actual: "peer 'a' of cluster 'test'" },
    })
    await expect(storageIn(dataDir, { peer: 'b' }).open()).rejects.toMatchObject({
      code: 'CLUSTER_MISMATCH',
      message: expect.stringContaining('a folder of its own'),
    })
    // A refusal writes nothing.
    expect((await storageIn(dataDir).open()).incarnation).toBe(2)
  })

  it('repairs a torn end with a report, and appends behind the repaired end', async () => {
    const dataDir = freshFolder()
    const first = storageIn(dataDir)
    await first.open()
    await append(first, vote(1))
    // Longer than what follows it after the repair: nothing of it may stay behind that.
    await append(first, { type: 'withdrawal', session: 's'.repeat(300), epoch: 1 })
    await first.close()
    const path = join(dataDir, 'log')
    truncateSync(path, statSync(path).size - 3)
    const second = storageIn(dataDir)
    expect((await second.open()).records).toEqual([vote(1)])
    expect(second.reports).toEqual([
      expect.stringMatching(/interrupted and never acknowledged; \d+ bytes were cut off/),
    ])
    await append(second, vote(3))
    await second.close()
    const third = storageIn(dataDir)
    expect((await third.open()).records).toEqual([vote(1), vote(3)])
    expect(third.reports).toEqual([])
  })

  it('never starts fresh over a damaged or emptied log', async () => {
    const dataDir = freshFolder()
    const storage = storageIn(dataDir)
    await storage.open()
    await append(storage, vote(1))
    await storage.close()
    const path = join(dataDir, 'log')
    const bytes = readFileSync(path)
    const last = bytes.length - 2
    bytes[last] = (bytes[last] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(storageIn(dataDir).open()).rejects.toMatchObject({
      code: 'DATA_CORRUPT',
      details: { file: path, offset: expect.any(Number) },
      message: expect.stringContaining('must not vote'),
    })
    expect(readFileSync(path)).toEqual(bytes)
    writeFileSync(path, '')
    await expect(storageIn(dataDir).open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' })
  })

  it('ignores what a crash left while the folder was made', async () => {
    const dataDir = freshFolder()
    await storageIn(dataDir).open()
    await opened.pop()?.close()
    rmSync(join(dataDir, 'log'))
    writeFileSync(join(dataDir, 'log.new'), 'half a head')
    await expect(storageIn(dataDir).open()).resolves.toMatchObject({ incarnation: 1 })
    expect(existsSync(join(dataDir, 'log.new'))).toBe(false)
  })

  it('keeps two copies of one folder apart by nothing but the run of their start, which the handshake sees', async () => {
    const dataDir = freshFolder()
    const copy = freshFolder()
    await storageIn(dataDir).open()
    await storageIn(copy).open()
    for (const storage of opened.splice(0)) await storage.close()
    copyFileSync(join(dataDir, 'log'), join(copy, 'log'))
    const [a, b] = await Promise.all([storageIn(dataDir).open(), storageIn(copy).open()])
    expect(a).toEqual({ ...b, run: a.run })
    expect(a.run).not.toBe(b.run)
  })

  it('says what is wrong with a folder that cannot be used', async () => {
    const file = join(folder, 'a file')
    writeFileSync(file, '')
    for (const wrong of [file, join(file, 'below')]) {
      await expect(storageIn(wrong).open()).rejects.toMatchObject({
        code: 'INVALID_OPTIONS',
        message: expect.stringContaining(`the data folder ${wrong} cannot be used`),
        details: { option: 'dataDir', value: wrong },
      })
    }
    if (process.getuid?.() === 0) return
    const closed = freshFolder()
    await storageIn(closed).open()
    await opened.pop()?.close()
    chmodSync(closed, 0)
    await expect(storageIn(closed).open()).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    chmodSync(closed, 0o700)
  })

  // Node's own recursive `mkdirSync` never comes back from there.
  it.runIf(process.platform === 'linux')('refuses a place where no folder can be made', async () => {
    await expect(storageIn('/proc/mandate/a').open()).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it('makes the parents that are missing', async () => {
    const dataDir = join(freshFolder(), 'one', 'two')
    await expect(storageIn(dataDir).open()).resolves.toMatchObject({ incarnation: 1 })
  })
})

describe('LogWriter', () => {
  const writer = (fd: number) => new LogWriter({ fd, dataDir: '/data', position: 0, sequence: 0 })
  const appendTo = (log: LogWriter, record: LogRecord): Promise<unknown> =>
    new Promise((resolve) => log.append([record], resolve))

  it('frames groups exactly as the format does', async () => {
    const path = join(folder, 'framed')
    const fd = openSync(path, 'w+')
    const log = writer(fd)
    await appendTo(log, vote(1))
    await appendTo(log, vote(2))
    await log.close()
    closeSync(fd)
    const expected = Buffer.concat([
      encodeGroup(0, encodeRecords([vote(1)])),
      encodeGroup(1, encodeRecords([vote(2)])),
    ])
    expect(readFileSync(path)).toEqual(expected)
  })

  it('writes a batch of more parts than the kernel takes at once', async () => {
    const path = join(folder, 'many')
    const fd = openSync(path, 'w+')
    const log = writer(fd)
    const all = Array.from({ length: 3000 }, (_, i) => appendTo(log, vote(i)))
    expect(new Set(await Promise.all(all))).toEqual(new Set([undefined]))
    await log.close()
    closeSync(fd)
    expect(log.bytes).toBe(statSync(path).size)
  })

  it.skipIf(!existsSync('/dev/full'))('reports a full disk once and for ever', async () => {
    const fd = openSync('/dev/full', 'r+')
    const log = writer(fd)
    const full = {
      code: 'DISK_FULL',
      details: { dataDir: '/data' },
      message: expect.stringContaining('make room'),
    }
    expect(await appendTo(log, vote(1))).toMatchObject(full)
    expect(await appendTo(log, vote(2))).toMatchObject(full)
    expect(log.bytes).toBe(0)
    await log.close()
    closeSync(fd)
  })

  it('writes nothing more after a failed write, though the next would succeed', async () => {
    const path = join(folder, 'read only')
    writeFileSync(path, '')
    const fd = openSync(path, 'r')
    // The thread itself: batches may have been posted before this side heard of the error.
    const thread = new Worker(new URL('./log-worker.js', import.meta.url), {
      workerData: { fd, position: 0, sequence: 0 },
    })
    const batch = encodeRecords([vote(1)])
    thread.postMessage(batch)
    expect(await once(thread, 'message')).toMatchObject([{ batches: 1, error: { code: 'EBADF' } }])
    closeSync(fd)
    const again = openSync(path, 'w')
    expect(again).toBe(fd)
    thread.postMessage(batch)
    expect(await once(thread, 'message')).toMatchObject([{ batches: 1, bytes: 0, error: { code: 'EBADF' } }])
    await thread.terminate()
    closeSync(again)
    expect(readFileSync(path, 'utf8')).toBe('')
  })
})

describe('logStorage under kill -9', () => {
  const dist = new URL('../../dist/', import.meta.url)
  let built = ''

  // Plain Node runs no TypeScript sources, so the child loads what `npm test` has built.
  beforeAll(() => {
    built = mkdtempSync(join(tmpdir(), 'mandate-log-child-'))
    writeFileSync(
      join(built, 'child.mjs'),
      `import { logStorage } from '${new URL('cluster/log-storage.js', dist).href}'
       import { systemRandom } from '${new URL('system/random.js', dist).href}'
       const storage = logStorage({ dataDir: process.argv[2], cluster: 'test', peer: 'a', random: systemRandom(), report() {} })
       const { records } = await storage.open()
       let term = records.length
       const next = () => {
         const mine = (term += 1)
         const record = { type: 'hard-state', term: mine, votedFor: 'x'.repeat(1 + (mine * 37) % 120) }
         storage.append([record], (error) => {
           if (error !== undefined) process.exit(1)
           process.stdout.write(mine + '\\n')
           setImmediate(next)
         })
       }
       for (let i = 0; i < 4; i += 1) next()
      `,
    )
  })
  afterAll(() => rmSync(built, { recursive: true }))

  it('recovers every acknowledged record, and frees the folder with the process', async () => {
    const dataDir = freshFolder()
    let acknowledged = 0
    for (let round = 1; round <= 5; round += 1) {
      const child = spawn(process.execPath, [join(built, 'child.mjs'), dataDir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const exited = once(child, 'exit')
      const enough = acknowledged + 20 * round
      for await (const line of createInterface(child.stdout)) {
        acknowledged = Math.max(acknowledged, Number(line))
        if (acknowledged >= enough) child.kill('SIGKILL')
      }
      await exited
      const storage = storageIn(dataDir)
      const { records, incarnation } = await storage.open()
      await storage.close()
      const terms = records.map((record) => (record as { term: number }).term)
      expect(terms.length).toBeGreaterThanOrEqual(acknowledged)
      expect(terms).toEqual(Array.from(terms, (_, i) => i + 1))
      expect(incarnation).toBe(2 * round)
      acknowledged = terms.length
    }
  })
})
