import type { Random } from '../seams/random.ts'

/** Not imported: loading it takes a tenth of `import 'mandate'`, and a program that only reads options needs no chance. */
const randomBytes = (size: number): Buffer => process.getBuiltinModule('node:crypto').randomBytes(size)

/** Drawn at once: each call into the generator costs as much as an encoded heartbeat, and a peer draws 30 times a second. */
const POOL_BYTES = 512

/** Chance from the operating system, so that two processes started at the same instant do not draw the same. */
export function systemRandom(): Random {
  let pool: Buffer | undefined
  let used = POOL_BYTES
  return {
    next: () => {
      if (pool === undefined || used === POOL_BYTES) {
        pool = randomBytes(POOL_BYTES)
        used = 0
      }
      const high = pool.readUInt32BE(used)
      const low = pool.readUInt32BE(used + 4)
      used += 8
      // 53 bits are all that a double in [0, 1) can hold evenly.
      return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53
    },
    id: () => randomBytes(8).toString('hex'),
  }
}
