import { describe, expect, it } from 'vitest'
import { recoveryIsFaithful } from './recovery-is-faithful.ts'
import { entries, entry, hardState, withdrawal } from './testing/log-story.ts'
import { judge, type Story, type StoryProcess } from './testing/story.ts'
import type { LogRecord } from '../../cluster/messages.ts'

const kept = [hardState(4, 'b'), entries(entry(1, 3), entry(2, 4)), withdrawal('x', 1)]
const onItsWay = [hardState(5, 'c'), entries(entry(2, 5))]

/** a has `kept` on its disk and two batches on the way; it crashes and finds `found`. */
const finding =
  (found: readonly LogRecord[], fault?: string) =>
  (story: Story): void => {
    const a = story.process('a')
    a.writes(...kept)
    for (const record of onItsWay) a.appends(record)
    a.crashes()
    if (fault !== undefined) a.happens({ type: 'fault', fault })
    a.startsAgain(...found)
  }

describe('recovery-is-faithful', () => {
  it.each([
    ['nothing', kept],
    ['the first', [...kept, ...onItsWay.slice(0, 1)]],
    ['all', [...kept, ...onItsWay]],
  ])('holds when of what was on its way %s arrived', (_what, found) => {
    expect(judge(recoveryIsFaithful, finding(found))).toBe(1)
  })

  it('lets an older copy of the folder be what it is', () => {
    expect(judge(recoveryIsFaithful, finding([], 'older folder restored'))).toBe(0)
  })

  it.each([
    [
      'the vote',
      kept.slice(1),
      /a \(run 2\) starts at 0: it had a vote for b in term 4 .* finds one for null in 0/,
    ],
    ['an entry', [kept[0], entries(entry(1, 3)), kept[2]], /it had 2 entries on its disk, and finds 1/],
    ['the withdrawal', kept.slice(0, 2), /it had withdrawn x 1, and finds nothing/],
    [
      'an entry, and has another',
      [kept[0], entries(entry(1, 3), entry(2, 3)), kept[2]],
      /entry 2 was of term 4/,
    ],
    [
      'the first batch, not the second',
      [...kept, onItsWay[1]],
      /its entry 2 was of term 4, and is of term 5/,
    ],
  ] as [string, LogRecord[], RegExp][])('fails when a start misses %s', (_what, found, message) => {
    expect(() => judge(recoveryIsFaithful, finding(found))).toThrow(message)
  })

  it('fails when damage goes by unnoticed', () => {
    expect(() => judge(recoveryIsFaithful, finding([], 'bit flipped'))).toThrow(/finds one for null/)
  })

  it('lets a folder be refused that was damaged, and fails for one that was not', () => {
    const refusing = (tell: (a: StoryProcess) => void) => (story: Story) => {
      const a = story.process('a')
      tell(a)
      a.happens({ type: 'refused', code: 'DATA_CORRUPT' })
    }
    expect(
      judge(
        recoveryIsFaithful,
        refusing((a) => a.happens({ type: 'fault', fault: 'bit flipped' })),
      ),
    ).toBe(1)
    expect(() =>
      judge(
        recoveryIsFaithful,
        refusing(() => undefined),
      ),
    ).toThrow(/a \(run 1\) refuses its folder at 0, to which nothing was done/)
  })
})
