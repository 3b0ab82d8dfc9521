import { setImmediate as nextMacrotask } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { drainMicrotasks, inMacrotasks } from './microtasks.ts'

test('one call runs every microtask, and those that they queue', async () => {
  expect(drainMicrotasks).toBeDefined()
  const told: string[] = []
  await inMacrotasks(() => {
    const nested = async (depth: number): Promise<void> => {
      await Promise.resolve()
      told.push(`depth ${depth}`)
      if (depth < 3) await nested(depth + 1)
    }
    void nested(1).then(() => told.push('all'))
    queueMicrotask(() => told.push('queued'))
    expect(told).toEqual([])
    drainMicrotasks?.()
    expect(told).toEqual(['depth 1', 'queued', 'depth 2', 'depth 3', 'all'])
    return true
  })
})

test('a slice that stands in a microtask is refused: nothing would be drained there', async () => {
  await expect(
    new Promise((resolve, reject) => {
      // The turn of `inMacrotasks`, run from a microtask as if by a timer of somebody's own.
      const realImmediate = nextMacrotask
      void realImmediate().then(() => {
        let ran = false
        void Promise.resolve().then(() => (ran = true))
        drainMicrotasks?.()
        if (ran) resolve('drained')
        else reject(new Error('not drained'))
      })
    }),
  ).rejects.toThrow('not drained')
})

test('slices are macrotasks of their own, until one says that it is the last', async () => {
  const turns: number[] = []
  let turn = 0
  const counting = (async () => {
    for (let i = 0; i < 50; i++) {
      await nextMacrotask()
      turn++
    }
  })()
  await inMacrotasks(() => {
    turns.push(turn)
    return turns.length === 4
  })
  await counting
  expect(new Set(turns).size).toBe(4)
})

test('what a slice throws comes out', async () => {
  await expect(
    inMacrotasks(() => {
      throw new Error('broken')
    }),
  ).rejects.toThrow('broken')
})
