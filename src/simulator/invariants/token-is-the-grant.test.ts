import { describe, expect, it } from 'vitest'
import { LogStory } from './testing/log-story.ts'
import { judge, type Story } from './testing/story.ts'
import { tokenIsTheGrant } from './token-is-the-grant.ts'

const electedWith =
  (change: bigint, of: { readonly candidate?: string; readonly exclusivity?: 'token' } = {}) =>
  (story: Story) => {
    const a = story.process('a')
    const token = new LogStory(a).grants('a')
    a.isElected(token + change, of)
  }

describe('token-is-the-grant', () => {
  it('holds for the index of the grant', () => {
    expect(judge(tokenIsTheGrant, electedWith(0n))).toBe(1)
  })

  it.each([
    ['a token from nowhere', electedWith(1n), /a .* is elected in 'billing' with 4 at 0; no entry/],
    ["somebody else's token", electedWith(0n, { candidate: 'b' }), /that was granted to a/],
    [
      'another mode',
      electedWith(0n, { exclusivity: 'token' }),
      /exclusivity 'token'; the election has 'time'/,
    ],
  ])('fails for %s', (_what, tell, message) => {
    expect(() => judge(tokenIsTheGrant, tell)).toThrow(message)
  })

  it('fails for a grant that was not committed when its winner was told', () => {
    expect(() =>
      judge(tokenIsTheGrant, (story) => {
        const a = story.process('a')
        a.isElected(3n)
        new LogStory(a).grants('a')
      }),
    ).toThrow(/no entry that is known to be committed/)
  })
})
