import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bigintOf, parseExact, stringifyExact } from './exact-json.ts'
import { LOCK_FLAG } from './lock-value.ts'

describe('JSON with integers above 2^53', () => {
  it('keeps the lock flag digit for digit, both ways', () => {
    expect(stringifyExact({ Flags: LOCK_FLAG })).toBe('{"Flags":3304740253564472344}')
    const { Flags } = parseExact('{"Flags": 3304740253564472344}') as { Flags: unknown }
    expect(bigintOf(Flags)).toBe(3304740253564472344n)
    // What JSON.parse makes of it, and of the flag beside it.
    expect(JSON.parse('3304740253564472344')).toBe(JSON.parse('3304740253564472345'))
  })

  it('tells two flags apart that a double cannot', () => {
    expect(parseExact('3304740253564472344')).not.toBe(parseExact('3304740253564472345'))
  })

  it('touches nothing inside a text', () => {
    const text = '{"Key": "a \\"3304740253564472344\\" b", "n": 1.5, "e": 1e21, "k": [12345678901234567890]}'
    expect(parseExact(text)).toEqual({
      Key: 'a "3304740253564472344" b',
      n: 1.5,
      e: 1e21,
      k: ['12345678901234567890'],
    })
  })

  it('reads every 64-bit number that it wrote, and every text', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.string(), (number, text) => {
        const back = parseExact(stringifyExact({ number, text, list: [number, text] })) as Record<
          string,
          unknown
        >
        expect(bigintOf(back['number'])).toBe(number)
        expect(back['text']).toBe(text)
      }),
    )
  })

  it.each([[-1], [1.5], ['x'], [null], ['123456789012345678901']])('takes %s for no index', (value) => {
    expect(bigintOf(value)).toBeUndefined()
  })
})
