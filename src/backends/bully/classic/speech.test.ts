import { expect, test } from 'vitest'
import { engineWire } from '../../../cluster/engine/engine-wire.ts'
import type { ClassicBody, Reign } from '../../../protocols/bully/classic/types.ts'
import { classicSpeech } from './speech.ts'

const { peers } = engineWire(classicSpeech)
const stand = { session: 'a~1', id: 'a', priority: -3, leaseMs: 1000, metadata: { url: 'http://a' } }
const reign: Reign = { epoch: 7, slot: 1, version: 2, stand }

function carried(body: unknown) {
  const stamp = { incarnation: 3, at: 12.5, revision: 5, echo: { incarnation: 2, at: 0.25 } }
  const requests = [{ type: 'peer', message: { stamp, body } }]
  return { kind: 'ask', session: '@a', host: { peer: 'a', incarnation: 3 }, requests } as never
}

test.each<ClassicBody>([
  { type: 'claim', session: 'a~1', id: 'a' },
  { type: 'claimed', session: 'a~1', isFree: false },
  { type: 'election', election: 'e', round: 4, stand },
  { type: 'answer', election: 'e', round: 4, highest: 7, isBetter: true },
  { type: 'reign', revision: 1, isChange: true, election: 'e', reign, heir: null },
  { type: 'reign', revision: 2, isChange: true, election: 'e', reign: null, heir: 'b' },
  { type: 'reigns', revision: 3, total: 1, list: [{ election: 'e', reign }] },
  { type: 'beat', revision: 3 },
  { type: 'heard', of: 3, known: 2 },
  { type: 'left', election: 'e', session: 'a~1' },
])('$type comes over the wire as it was sent', (body) => {
  expect(peers.decode(peers.encode(carried(body)))).toEqual(carried(body))
})

test.each([
  { type: 'answer', election: 'e', round: 4, highest: -1, isBetter: true },
  { type: 'election', election: '', round: 4, stand },
  {
    type: 'reigns',
    revision: 3,
    total: 2,
    list: [
      { election: 'e', reign },
      { election: 'f', reign },
    ],
  },
  { type: 'coup', election: 'e' },
])('what no peer of this version says is refused: %j', (body) => {
  const bytes = Buffer.from(JSON.stringify(carried(body)))
  expect(() => peers.decode(bytes)).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
})
