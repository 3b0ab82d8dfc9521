import { describe, expect, it } from 'vitest'
import { memoryDisk } from './memory-storage.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('memoryDisk', () => {
  it('acknowledges in call order and never inside append', async () => {
    const disk = memoryDisk<string>()
    const log = disk.storage()
    await log.open()
    const done: string[] = []
    log.append(['a'], () => done.push('a'))
    log.append(['b', 'c'], () => done.push('b'))
    expect(done).toEqual([])
    await turn()
    expect(done).toEqual(['a', 'b'])
    expect(disk.records).toEqual(['a', 'b', 'c'])
  })

  it('loses exactly the unacknowledged records in a crash, and keeps a prefix of them on demand', async () => {
    const disk = memoryDisk<string>()
    const log = disk.storage()
    await log.open()
    log.append(['kept'], () => {})
    await turn()
    disk.hold()
    const done: string[] = []
    log.append(['x', 'y'], () => done.push('xy'))
    log.append(['z'], () => done.push('z'))
    await turn()
    expect(disk.pending).toBe(2)
    disk.crash({ keep: 1 })
    disk.release()
    await turn()
    expect(done).toEqual([])
    const next = await disk.storage().open()
    expect(next).toMatchObject({ incarnation: 2, storageId: 'memory-disk', records: ['kept', 'x'] })
    expect(next.earlier).toEqual([{ incarnation: 1, run: expect.any(String) }])
    expect(next.earlier[0]?.run).not.toBe(next.run)
  })

  it('answers nothing while held and everything in order after release', async () => {
    const disk = memoryDisk<number>()
    const log = disk.storage()
    await log.open()
    const done: number[] = []
    log.append([1], () => done.push(1))
    disk.hold()
    log.append([2], () => done.push(2))
    await turn()
    expect(done).toEqual([])
    disk.release()
    await turn()
    expect(done).toEqual([1, 2])
  })

  it('writes nothing more after an error, and hands the error to every later append', async () => {
    const disk = memoryDisk<number>()
    const log = disk.storage()
    await log.open()
    const errors: unknown[] = []
    const full = new Error('full')
    disk.fail(full)
    log.append([1], (error) => errors.push(error))
    await turn()
    log.append([2], (error) => errors.push(error))
    await turn()
    expect(errors).toEqual([full, full])
    expect(disk.records).toEqual([])
  })

  it('close waits for what was appended, then refuses', async () => {
    const disk = memoryDisk<number>()
    const log = disk.storage()
    await log.open()
    const seen: unknown[] = []
    log.append([1], () => seen.push('done'))
    await log.close()
    expect(seen).toEqual(['done'])
    log.append([2], (error) => seen.push(error))
    await turn()
    expect(seen[1]).toMatchObject({ code: 'CLOSED' })
    await log.close()
  })

  it('refuses a second open while the first process lives', async () => {
    const disk = memoryDisk<number>()
    await disk.storage().open()
    await expect(disk.storage().open()).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' })
  })
})
