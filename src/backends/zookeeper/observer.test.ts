import { expect, it } from 'vitest'
import { countingRandom } from '../../testing/election-stage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { ZooKeeperClient } from '../../clients/zookeeper/client.ts'
import { dialects } from './dialects.ts'
import { ObserverHub, type ObserverClientOptions } from './observer.ts'

type Events = Parameters<ObserverClientOptions['connect']>[0]

it('a connection that is lost while its session says goodbye says nothing about the next session', async () => {
  const clock = manualClock()
  const clients: Events[] = []
  const hub = new ObserverHub({
    ties: {
      ...{ dialect: dialects['curator-latch'], tokenBase: 0n },
      env: { clock, random: countingRandom(), report: () => undefined },
    },
    connect: (on) => {
      clients.push(on)
      const nobody = () => Promise.resolve({ children: [] })
      const quiet = { start: () => undefined, close: () => undefined, unwatch: () => undefined }
      return { ...quiet, sync: () => Promise.resolve(), getChildren: nobody } as unknown as ZooKeeperClient
    },
    patienceMs: 1000,
  })
  const observe = (told: string[]) =>
    hub.observe('x', {
      led: () => told.push('led'),
      vacant: () => told.push('vacant'),
      unknown: () => told.push('unknown'),
    })
  const first: string[] = []
  const reader = observe(first)
  await clock.advanceAsync(0)
  clients[0]?.attached()
  await clock.advanceAsync(10)
  reader.close()
  const second: string[] = []
  observe(second)
  await clock.advanceAsync(0)
  clients[1]?.attached()
  await clock.advanceAsync(10)
  clients[0]?.detached('cut')
  await clock.advanceAsync(5000)
  expect([first, second]).toEqual([['vacant'], ['vacant']])
  clients[1]?.detached('cut')
  await clock.advanceAsync(1000)
  expect(second).toEqual(['vacant', 'unknown'])
})
