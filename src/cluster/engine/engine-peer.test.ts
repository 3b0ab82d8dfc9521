import { expect, test } from 'vitest'
import { manualClock } from '../../testing/manual-clock.ts'
import { memoryDisk } from '../../testing/memory-storage.ts'
import type { Lane, TransportEvents } from '../../seams/transport.ts'
import { object, text } from '../codec-shape.ts'
import type { LogRecord } from '../messages.ts'
import type { AskMessage, CarriedMessage, Core } from './engine.ts'
import { carriedAtOnce } from './engine.ts'
import { startEnginePeer } from './engine-peer.ts'

interface Sent {
  readonly to: string
  readonly kind: string
  readonly lane: Lane
}

const echo: Core<string, string, { readonly text: string }> = {
  step: (input) =>
    input.type === 'request' ? [{ type: 'reply', to: input.from, reply: input.request }] : [],
  elections: () => [],
}

async function peerOf(sent: Sent[]) {
  const clock = manualClock()
  let events: TransportEvents<CarriedMessage<string, string>, AskMessage<string>> | undefined
  const peer = await startEnginePeer<string, string, { readonly text: string }>({
    engine: 'paxos',
    createCore: () => echo,
    record: object({ text: text(1) }),
    self: 'a',
    peers: { a: 'a', b: 'b', c: 'c' },
    cluster: 'test',
    version: '0',
    clock,
    storage: memoryDisk<LogRecord>().storage(),
    transport: () => ({
      start: async (given) => void (events = given),
      send: (to, { kind }, lane) => void sent.push({ to, kind, lane }),
      sendToClient: () => undefined,
      problem: () => undefined,
      close: async () => undefined,
    }),
    report: ({ error }) => expect.fail(String(error)),
  })
  return { peer, events: events as unknown as NonNullable<typeof events> }
}

/** So many to one peer by the urgent lane, whatever the rest does, and first. */
function expectFewUrgent(sent: readonly Sent[], to: string, messages: number): void {
  const lanes = sent.filter((one) => one.to === to).map(({ lane }) => lane)
  expect(lanes.length).toBe(messages)
  const urgent = lanes.filter((lane) => lane === 'urgent').length
  expect(urgent).toBeGreaterThan(0)
  expect(urgent).toBeLessThanOrEqual(4)
  expect(lanes.slice(0, urgent)).toEqual(Array.from({ length: urgent }, () => 'urgent'))
}

const many = 160
const requests = Array.from({ length: carriedAtOnce }, () => 'x')

test('what a session asks about thousands of elections at once goes by the bulk lane, but for the first', async () => {
  const sent: Sent[] = []
  const { peer } = await peerOf(sent)
  const line = peer.attach({ received: () => undefined })
  for (let message = 0; message < many; message++)
    line.send({ type: 'ask', session: 's~1', to: null, requests })
  await expect.poll(() => sent.length).toBe(2 * many)
  expectFewUrgent(sent, 'b', many)
  expectFewUrgent(sent, 'c', many)
  sent.length = 0
  line.send({ type: 'ask', session: 's~1', to: null, requests: ['keepalive'] })
  await expect.poll(() => sent.length).toBe(2)
  expect(sent.map(({ lane }) => lane)).toEqual(['urgent', 'urgent'])
  await peer.close()
})

test('what thousands of questions of a session are answered goes by the bulk lane, but for the first', async () => {
  const sent: Sent[] = []
  const { peer, events } = await peerOf(sent)
  const host = { peer: 'b', incarnation: 1 }
  for (let message = 0; message < many; message++)
    events.peerMessage('b', { kind: 'ask', session: 's~1', host, requests })
  await expect.poll(() => sent.length).toBe(many)
  expectFewUrgent(sent, 'b', many)
  await peer.close()
})
