import type { Random } from '../seams/random.ts'

/** Not imported: loading it takes a tenth of `import 'mandate'`, and a program that only reads options needs no chance. */
const randomBytes = (size: number): Buffer => process.getBuiltinModule('node:crypto').randomBytes(size)

/** Chance from the operating system, so that two processes started at the same instant do not draw the same. */
export function systemRandom(): Random {
  return {
    // 53 bits are all that a double in [0, 1) can hold evenly.
    next: () => Number(randomBytes(8).readBigUInt64BE() >> 11n) / 2 ** 53,
    id: () => randomBytes(8).toString('hex'),
  }
}
