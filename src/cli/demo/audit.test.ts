import { describe, expect, it } from 'vitest'
import { audit, sum } from './audit.ts'
import type { Recorded } from './event-log.ts'

const contents = (...lines: (readonly [number, bigint])[]) => ({
  lines: lines.map(([number, token]) => ({ number, token, text: '' })),
  settled: true,
  ignored: 0,
})
const wrote = (number: number, token: string): Recorded => ({
  ...{ at: 0, pid: 1, id: 'a', event: 'wrote', token, number },
  valid: null,
})
const refused: Recorded = { at: 0, pid: 1, id: 'a', event: 'refused', token: '3', by: '5', believed: false }

describe('the audit of a ledger', () => {
  it('finds nothing wrong with what was confirmed, and counts lines that nobody lived to confirm', () => {
    const found = audit(contents([1, 3n], [2, 3n], [3, 5n]), [wrote(1, '3'), wrote(3, '5'), refused])
    expect(found).toEqual({ lines: 3, duplicates: 0, gaps: 0, refused: 1 })
  })

  it('sees a number that is there twice', () => {
    expect(audit(contents([1, 3n], [2, 3n], [2, 5n]), [])).toMatchObject({ duplicates: 1, gaps: 0 })
  })

  it('sees a number that is not there', () => {
    expect(audit(contents([1, 3n], [3, 5n]), [wrote(2, '3')])).toMatchObject({ duplicates: 0, gaps: 1 })
    expect(audit(contents([2, 3n]), [])).toMatchObject({ gaps: 1 })
  })

  it('sees a confirmed line that was lost at the end, or that another one took the number of', () => {
    expect(audit(contents([1, 3n]), [wrote(1, '3'), wrote(2, '3')])).toMatchObject({ gaps: 1 })
    expect(audit(contents([1, 5n]), [wrote(1, '3')])).toMatchObject({ gaps: 1 })
  })

  it('adds up', () => {
    const one = { lines: 1, duplicates: 2, gaps: 3, refused: 4 }
    expect(sum([one, one])).toEqual({ lines: 2, duplicates: 4, gaps: 6, refused: 8 })
  })
})
