import { expect, test } from 'vitest'
import { decodeRecords, encodeRecords } from '../../cluster/log-format.ts'
import type { LogRecord } from '../../cluster/messages.ts'
import type { Ballot, BullyRecord } from '../../protocols/bully/types.ts'
import { engineWire } from '../../cluster/engine/engine-wire.ts'
import { bullySpeech } from './speech.ts'

const wire = engineWire(bullySpeech)

const ballotOf = (peer: string, epoch: number): Ballot => ({
  epoch,
  stand: {
    of: { session: `${peer}~1`, epoch: 1, id: peer, leaseMs: 1000, host: { peer, incarnation: 3 } },
    priority: 7,
    exclusivity: 'time',
    metadata: { url: 'http://127.0.0.1:1' },
  },
})

test('a vote with all that it is to replace comes back from the log as it was written', () => {
  const past = Array.from({ length: 32 }, (_, at) => ballotOf(`p${at}`, at + 1))
  const records: BullyRecord[] = [
    { type: 'vote', election: 'e', ballot: ballotOf('a', 99), past },
    { type: 'withdrawal', withdrawal: { session: 'b~1', epoch: 2 } },
    { type: 'reopened', withdrawal: { session: 'c~1', epoch: 3 } },
  ]
  const written: LogRecord = { type: 'engine', engine: 'bully', record: { records } }
  const [read] = decodeRecords(Buffer.from(encodeRecords([written])))
  if (read?.type !== 'engine') throw new Error('it is no record of an engine')
  expect(bullySpeech.record.read({ ...read.record })).toEqual({ records })
})

test('a thousand sessions that end at once fit one record', () => {
  const records: BullyRecord[] = Array.from({ length: 1_000 }, (_, at) => ({
    type: 'withdrawal',
    withdrawal: { session: `${at}~1`, epoch: 1 },
  }))
  const written: LogRecord = { type: 'engine', engine: 'bully', record: { records } }
  const [read] = decodeRecords(Buffer.from(encodeRecords([written])))
  if (read?.type !== 'engine') throw new Error('it is no record of an engine')
  expect(bullySpeech.record.read({ ...read.record }).records).toHaveLength(1_000)
})

test('a frame with an epoch that is no safe integer is refused', () => {
  const request = { type: 'peer', message: { type: 'closed', session: 's' } } as const
  const frame = { kind: 'ask', session: '@a', host: null, requests: [request] } as const
  const bytes = wire.peers.encode(frame)
  expect(wire.peers.decode(bytes)).toEqual(frame)
  const text = JSON.stringify({
    ...frame,
    requests: [{ type: 'keepalive', epoch: 2 ** 60, sequence: 1 }],
  })
  expect(() => wire.peers.decode(Buffer.from(text))).toThrow(/epoch/)
})
