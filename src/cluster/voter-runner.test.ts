import { expect, test } from 'vitest'
import type { Storage } from '../seams/storage.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { DiskQueue } from './disk-queue.ts'
import type { LogRecord } from './messages.ts'
import { NamedTimers } from './timers.ts'
import { VoterRunner } from './voter-runner.ts'

test('an acknowledgement that waits for company leaves before the withdrawal that may follow it', async () => {
  const clock = manualClock()
  const told: string[] = []
  const storage: Storage<LogRecord> = {
    open: () => Promise.reject(new Error('not here')),
    append: (batch, done) => {
      told.push(...batch.map(({ type }) => type))
      done()
    },
    bytes: () => 0,
    close: () => Promise.resolve(),
  }
  const disk: DiskQueue<LogRecord> = new DiskQueue(storage, clock, (task) => task(), {
    persisted: () => undefined,
    wrote: () => undefined,
    failed: () => undefined,
  })
  const bounds = { maxClockDrift: 0.001, tickMs: 1 }
  const runner = new VoterRunner(
    { self: 'v', incarnation: 1, bounds, startedAt: clock.lower(), withdrawals: [] },
    { voters: ['v', 'w'], clock, disk, timers: new NamedTimers(clock) },
    {
      send: (_, { type }) => void told.push(type),
      sendWithNext: (_, { type }) => void told.push(`${type} waits`),
      sendWaiting: () => void told.push('what waits leaves'),
      enqueue: (task) => task(),
      replied: () => undefined,
    },
  )
  runner.step({ type: 'opened', session: 's', epoch: 1, leaseMs: 100 })
  runner.received('w', { type: 'keepalive', session: 's', epoch: 1, sequence: 1, patient: true })
  runner.received('w', { type: 'withdraw-request', session: 's', epoch: 1 })
  await clock.advanceAsync(200)
  disk.flush()
  expect(told).toEqual(['keepalive-ack waits', 'what waits leaves', 'withdrawal', 'withdraw-answer'])
})
