import { expect, it } from 'vitest'
import { memory, memorySpace } from './memory.ts'
import { manualClock } from '../testing/manual-clock.ts'

it('wins, renews, leaves and ends without leaving a timer', async () => {
  const clock = manualClock()
  const space = memorySpace({ clock })
  const a = memory({ space })
  const opening = a.share({ candidateId: 'a' }, {})
  await clock.advanceAsync(0)
  const share = await opening
  const log: unknown[] = []
  const c = share.session.enter(
    { election: 'x', exclusivity: 'time', priority: 0, metadata: {} },
    {
      waiting: (n) => log.push(['waiting', n]),
      won: (g) => log.push(['won', g.token]),
      renewed: () => log.push('renewed'),
      ended: (e) => log.push(e.reason),
    },
  )
  await clock.advanceAsync(1000)
  expect(log).toEqual([['won', 1n], 'renewed', 'renewed', 'renewed', 'renewed'])
  const left = c.leave({})
  await clock.advanceAsync(0)
  expect(await left).toBe('left')
  const closing = a.close()
  await clock.advanceAsync(0)
  await closing
  expect(clock.pendingTimers()).toBe(0)
})
