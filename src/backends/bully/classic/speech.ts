/** How what a classic bully cluster says looks as JSON, with the limits that its types cannot carry. */
import {
  count,
  duration,
  finite,
  flag,
  list,
  nullable,
  object,
  text,
  textRecord,
  union,
} from '../../../cluster/codec-shape.ts'
import type { EngineSpeech } from '../../../cluster/engine/engine.ts'
import { partSize } from '../../../protocols/bully/classic/reigning.ts'
import type {
  ClassicBody,
  ClassicMessage,
  ClassicRecord,
  Reign,
  Stamp,
  Stand,
} from '../../../protocols/bully/classic/types.ts'
import { bullyReply, bullyRequest } from '../speech.ts'
import type { BullyReply } from '../words.ts'
import type { ClassicRequest, ClassicWrite } from './words.ts'

const election = text(253, 1)
const id = text(128, 1)
const session = text(300, 1)

const stamp = object<Stamp>({
  incarnation: count,
  at: finite,
  revision: count,
  echo: nullable(object<NonNullable<Stamp['echo']>>({ incarnation: count, at: finite })),
})
const stand = object<Stand>({ session, id, priority: finite, leaseMs: duration, metadata: textRecord(4096) })
const reign = object<Reign>({ epoch: count, slot: count, version: count, stand })

const body = union<ClassicBody, 'type'>('type', {
  claim: { session, id },
  claimed: { session, isFree: flag },
  election: { election, round: count, stand },
  answer: { election, round: count, highest: count, isBetter: flag },
  reign: { revision: count, isChange: flag, election, reign: nullable(reign), heir: nullable(id) },
  reigns: {
    revision: count,
    total: count,
    list: list(object<{ readonly election: string; readonly reign: Reign }>({ election, reign }), partSize),
  },
  beat: { revision: count },
  heard: { of: count, known: count },
  left: { election, session },
})

export const classicSpeech: EngineSpeech<ClassicRequest, BullyReply, ClassicWrite> = {
  engine: 'bully-classic',
  request: bullyRequest(object<ClassicMessage>({ stamp, body })),
  reply: bullyReply,
  record: object<ClassicWrite>({
    records: list(object<ClassicRecord>({ election, epoch: count }), 20_000),
  }),
  isKeepalive: () => false,
}
