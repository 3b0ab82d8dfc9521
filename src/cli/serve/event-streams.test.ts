import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { EventStreams } from './event-streams.ts'

/** A reader that takes what it is sent only while the test lets it. */
class Reader extends EventEmitter {
  readonly got: string[] = []
  writableNeedDrain = false

  write(text: string): boolean {
    this.got.push(text)
    return !this.writableNeedDrain
  }

  end(): void {
    this.emit('close')
  }

  destroy(): void {
    this.emit('close')
  }
}

test('a reader that is slow gets the newest state only, however many there were', () => {
  const streams = new EventStreams({ max: 1, keepAliveMs: 60_000 })
  const reader = new Reader()
  streams.open(reader as unknown as ServerResponse, { at: 0 })
  expect(reader.got.join('')).toBe('retry: 1000\n\nevent: state\nid: 1\ndata: {"at":0}\n\n')
  reader.writableNeedDrain = true
  for (let at = 1; at <= 1000; at++) streams.tell({ at })
  expect(reader.got).toHaveLength(2)
  reader.writableNeedDrain = false
  reader.emit('drain')
  expect(reader.got.slice(2)).toEqual(['event: state\nid: 1001\ndata: {"at":1000}\n\n'])
  expect(streams.isFull).toBe(true)
  streams.close()
  expect(streams.count).toBe(0)
})
