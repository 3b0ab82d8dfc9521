import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { EventStreams } from './event-streams.ts'

/** A reader that takes what it is sent only while the test lets it. */
class Reader extends EventEmitter {
  readonly got: string[] = []
  writableNeedDrain = false

  isEnded = false

  write(text: string): boolean {
    // As a response does: nobody listens for this error, so it would end the process.
    if (this.isEnded) throw new Error('write after end')
    this.got.push(text)
    return !this.writableNeedDrain
  }

  /** Its connection closes only when everything was read. */
  end(): void {
    this.isEnded = true
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

test('after the end nothing is written any more, whoever has not read yet', () => {
  const streams = new EventStreams({ max: 2, keepAliveMs: 60_000 })
  const reader = new Reader()
  streams.open(reader as unknown as ServerResponse, { at: 0 })
  reader.writableNeedDrain = true
  streams.tell({ at: 1 })
  streams.close()
  expect(reader.got.at(-1)).toContain('{"at":1}')
  reader.writableNeedDrain = false
  reader.emit('drain')
  streams.tell({ at: 2 })
  expect(reader.got.join('')).not.toContain('{"at":2}')
  expect(streams.isFull).toBe(true)
})
