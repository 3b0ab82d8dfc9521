import { describe, expect, it } from 'vitest'
import { askHolder } from './ask-holder.ts'
import type { ObserveEvents } from './backend.ts'
import { isMandateError } from '../errors.ts'
import { deferred } from './settled.ts'

const request = { election: 'billing', token: 7n, to: null } as const

/** One observer and one driver, which do as they are told. */
function scene() {
  const answer = deferred<'told' | 'no-such-candidate'>()
  const seen = { observers: 0, asked: [] as AbortSignal[] }
  let on: ObserveEvents | undefined
  const observer = {
    scope: 'test',
    observe: (_election: string, events: ObserveEvents) => {
      on = events
      seen.observers += 1
      return { close: () => void (seen.observers -= 1) }
    },
  }
  const begin = (signal?: AbortSignal) =>
    askHolder(
      request,
      { signal },
      {
        observer,
        ask: (_request, o) => {
          if (o.signal !== undefined) seen.asked.push(o.signal)
          return answer.promise
        },
      },
    )
  const led = (token: bigint): void => on?.led({ id: 'a', token, metadata: {} })
  return {
    seen,
    answer,
    begin,
    led,
    vacant: () => on?.vacant(),
    unknown: () => on?.unknown(new Error('away')),
  }
}

/** What waits in microtasks has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('an operator’s request', () => {
  it('asks nobody before it is known that the leadership stands', async () => {
    const { seen, answer, begin, led, unknown } = scene()
    const asking = begin()
    unknown()
    await settled()
    expect(seen.asked).toHaveLength(0)
    led(7n)
    await settled()
    expect(seen.asked).toHaveLength(1)
    answer.resolve('told')
    expect(await asking).toBe('told')
  })

  it.each([
    ['nobody leads', (stage: ReturnType<typeof scene>) => stage.vacant()],
    ['a later leadership stands', (stage: ReturnType<typeof scene>) => stage.led(9n)],
    ['an earlier one stands', (stage: ReturnType<typeof scene>) => stage.led(5n)],
  ])('is over where %s, and nobody is asked', async (_, tell) => {
    const stage = scene()
    const asking = stage.begin()
    tell(stage)
    expect(await asking).toBe('over')
    expect(stage.seen).toEqual({ observers: 0, asked: [] })
  })

  it('waits for no answer of a leadership that ended meanwhile, and leaves nothing behind', async () => {
    const { seen, begin, led } = scene()
    const asking = begin()
    led(7n)
    await settled()
    led(8n)
    expect(await asking).toBe('ended')
    expect(seen.observers).toBe(0)
    expect(seen.asked[0]?.aborted).toBe(true)
  })

  it.each([0, 1])('ends with its signal, also when it had aborted before (%i)', async (later) => {
    const { seen, begin, led } = scene()
    const stop = new AbortController()
    if (later === 0) stop.abort()
    const refused = expect(begin(stop.signal)).rejects.toSatisfy((error) =>
      isMandateError(error, 'CANCELLED'),
    )
    led(7n)
    await settled()
    stop.abort()
    await refused
    expect(seen.observers).toBe(0)
  })

  it('fails as the driver does', async () => {
    const { answer, begin, led } = scene()
    const asking = begin()
    led(7n)
    answer.reject(new Error('the peer stopped'))
    await expect(asking).rejects.toThrow('the peer stopped')
  })
})
