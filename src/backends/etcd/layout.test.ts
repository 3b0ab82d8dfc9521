import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, decodeValue, encodeValue, layoutOf, rangeEnd, text } from './layout.ts'

describe('keys', () => {
  it("are those of Go's concurrency package: the lease in hexadecimal without zeros before it", () => {
    expect(layoutOf('go', '').key('billing', 0xb18a206c9dc2e05n)).toBe('billing/b18a206c9dc2e05')
    expect(layoutOf('go', 'team/jobs').key('billing', 255n)).toBe('team/jobs/billing/ff')
  })

  it('are those of the npm package etcd3: the lease in decimal, all digits of it', () => {
    expect(layoutOf('etcd3', '').key('expA', 2324035557672801285n)).toBe('election/expA/2324035557672801285')
  })

  it('are the range of their election, and of no other that begins like it', () => {
    const prefix = layoutOf('go', '').electionPrefix('job')
    const end = text(rangeEnd(prefix))
    const inside = (key: string): boolean => key >= prefix && key < end
    expect([inside('job/1'), inside('job/ffff'), inside('job-1/1'), inside('job'), inside('jobs/1')]).toEqual(
      [...[true, true, false, false, false]],
    )
  })
})

describe('values', () => {
  it('show the id as it is, to whoever reads them', () => {
    expect(text(encodeValue('worker 7', {}))).toBe('worker 7')
    expect(text(encodeValue('worker 7', { url: 'http://x' })).split('\n')[0]).toBe('worker 7')
  })

  it('come back as they were', () => {
    const id = fc
      .string({ minLength: 1, maxLength: 50 })
      .filter((each) => !/\p{Cc}|\p{Surrogate}|[\u2028\u2029]/u.test(each))
    const metadata = fc.dictionary(fc.string(), fc.string())
    fc.assert(
      fc.property(id, metadata, (name, facts) => {
        const decoded = decodeValue(encodeValue(name, facts))
        expect(decoded.id).toBe(name)
        expect({ ...decoded.metadata }).toEqual({ ...facts })
      }),
    )
  })

  it.each([
    ['a text that is not ours', 'any\nthing', 'any\ufffdthing'],
    ['JSON that is not ours', 'id\n{"metadata":7}', 'id\ufffd{"metadata":7}'],
    ['metadata that is no text', 'id\n{"metadata":{"a":1}}', 'id\ufffd{"metadata":{"a":1}}'],
    ['what a terminal would obey', '\u001b[2Jx', '\ufffd[2Jx'],
    ['the same before metadata', '\u001b[2Jx\n{"metadata":{}}', '\ufffd[2Jx'],
    ['nothing', '', ''],
  ])('of a foreign candidate are its id: %s', (_, value, id) => {
    expect(decodeValue(bytes(value))).toEqual({ id, metadata: {} })
  })

  it('of any length and any bytes give a short id', () => {
    expect(decodeValue(new Uint8Array(10_000).fill(0xff)).id.length).toBeLessThanOrEqual(253)
  })
})
