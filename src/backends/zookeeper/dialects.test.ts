import { describe, expect, it } from 'vitest'
import { countingRandom } from '../../testing/election-stage.ts'
import { candidateTag, dialects, newGuid, tagOf } from './dialects.ts'

const uuid = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'

describe('the order of', () => {
  it('Curator is by the text behind the last word, wherever it is, and by the whole name without it', () => {
    const { order } = dialects['curator-latch']
    const names = [
      `_c_${uuid}-latch-0000000002`,
      `_c_${uuid}-latch-0000000010`,
      'latch-latch-0000000001',
      'billing',
    ]
    expect(order(names.toReversed())).toEqual([names[2], names[0], names[1], names[3]])
  })

  it('Curator puts a foreign child before all others if its name says so, as Curator itself does', () => {
    expect(dialects['curator-lock'].order([`_c_${uuid}-lock-0000000002`, '-'])[0]).toBe('-')
  })

  it('Curator is that of texts: behind the last number of a parent, minus comes first', () => {
    const names = [`_c_${uuid}-latch-2147483647`, `_c_${uuid}-latch--2147483648`]
    expect(dialects['curator-latch'].order(names)).toEqual(names.toReversed())
  })

  it('kazoo counts contenders only, by ten digits', () => {
    const guid = uuid.replaceAll('-', '')
    const names = [
      `${guid}__lock__0000000007`,
      'lease_holder',
      `${guid}__rlock__0000000001`,
      `x__lock__0000000003`,
    ]
    expect(dialects.kazoo.order(names)).toEqual([names[3], names[0]])
  })
})

describe('a name of ours', () => {
  it.each(Object.keys(dialects) as (keyof typeof dialects)[])('in %s is found again by its guid', (name) => {
    const dialect = dialects[name]
    const guid = newGuid('worker-7', countingRandom())
    expect(guid).toMatch(/^[0-9a-f]{32}$/)
    const node = `${dialect.prefix(guid)}0000000012`
    expect(dialect.guidOf(node)).toBe(guid)
    expect(tagOf(guid)).toBe(candidateTag('worker-7'))
    expect(dialect.order([node])).toEqual([node])
  })

  it('is told from a native peer by the version of its UUID', () => {
    expect(tagOf(uuid.replaceAll('-', ''))).toBeUndefined()
    expect(dialects['curator-latch'].guidOf('latch-0000000001')).toBeUndefined()
  })

  it('is another one each time, for one candidate too', () => {
    const random = countingRandom()
    const guids = Array.from({ length: 100 }, () => newGuid('a', random))
    expect(new Set(guids).size).toBe(100)
    expect(new Set(guids.map(tagOf)).size).toBe(1)
    expect(tagOf(newGuid('b', random))).not.toBe(tagOf(guids[0]!))
  })
})
