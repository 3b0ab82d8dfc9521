import { describe, expect, it } from 'vitest'
import { Courier } from './courier.ts'
import type { PeerMessage } from './messages.ts'

const read = (id: number): PeerMessage => ({ kind: 'read-index', id })

function scene() {
  const sent: string[] = []
  const courier = new Courier((to, message, lane) =>
    sent.push(`${lane} to ${to}: ${'id' in message ? message.id : message.kind}`),
  )
  return { sent, courier }
}

describe('Courier', () => {
  it('sends what can wait right before the next urgent message to the same peer', () => {
    const { sent, courier } = scene()
    courier.sendWithNext('b', read(1), 'one')
    courier.sendWithNext('b', read(2), 'two')
    courier.sendWithNext('c', read(3), 'one')
    courier.send('b', read(4), 'bulk')
    expect(sent).toEqual(['bulk to b: 4'])
    courier.send('b', read(5), 'urgent')
    courier.send('b', read(6), 'urgent')
    expect(sent.slice(1)).toEqual(['urgent to b: 1', 'urgent to b: 2', 'urgent to b: 5', 'urgent to b: 6'])
  })

  it('sends the newest under one key, and everything on flush, once', () => {
    const { sent, courier } = scene()
    for (let id = 0; id < 5; id++) courier.sendWithNext('b', read(id), 'same')
    courier.sendWithNext('c', read(9), 'same')
    courier.flush()
    courier.flush()
    expect(sent).toEqual(['urgent to b: 4', 'urgent to c: 9'])
  })
})
