/** What the benches recompute from the records of all processes: they must see what would break a promise. */
import { describe, expect, it } from 'vitest'
import { overlapMs, spansOf, tokenRegressions } from '../../bench/history.mjs'

const record = (at: number, pid: number, event: string, token = '', untilMs?: number) => ({
  ...{ at, pid, id: `p${pid}`, event, token },
  ...(untilMs !== undefined && { untilMs }),
})

describe('two that led at once', () => {
  it('counts from the later beginning to the earlier end, renewals included', () => {
    const spans = spansOf([
      record(0, 1, 'elected', '5', 100),
      record(50, 1, 'valid', '5', 150),
      record(120, 2, 'elected', '6', 220),
    ])
    expect(overlapMs(spans)).toBe(30)
  })

  it('ends a span with the loss or the exit of its process, not with its deadline', () => {
    const lost = [record(0, 1, 'elected', '5', 150), record(90, 1, 'lost', '5')]
    const killed = [record(0, 1, 'elected', '5', 150), record(110, 1, 'exit')]
    const next = record(120, 2, 'elected', '6', 220)
    expect(overlapMs(spansOf([...lost, next]))).toBe(0)
    expect(overlapMs(spansOf([...killed, next]))).toBe(0)
  })

  it('ignores a renewal told after the loss', () => {
    const spans = spansOf([
      record(0, 1, 'elected', '5', 150),
      record(90, 1, 'lost', '5'),
      record(91, 1, 'valid', '5', 240),
      record(120, 2, 'elected', '6', 220),
    ])
    expect(overlapMs(spans)).toBe(0)
  })

  it('does not depend on the order in which the lines arrived', () => {
    const spans = spansOf([record(120, 2, 'elected', '6', 220), record(0, 1, 'elected', '5', 150)])
    expect(overlapMs(spans)).toBe(30)
  })
})

describe('tokens', () => {
  it('counts each that is not above all before it, as numbers and not as text', () => {
    const tokens = ['9', '10', '10', '8', '11']
    const spans = spansOf(tokens.map((token, index) => record(index, index, 'elected', token, index)))
    expect(tokenRegressions(spans)).toBe(2)
  })
})
