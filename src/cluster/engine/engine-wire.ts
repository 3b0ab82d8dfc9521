/** The wire of an engine that is made of two cores (`engine.ts`). */
import { errorReply, jsonCodec, peerStatus } from '../codec.ts'
import { count, list, nullable, object, text, union } from '../codec-shape.ts'
import { operatorAnswer, operatorRequest } from '../operator-desk.ts'
import type { SessionHost } from '../../registry/types.ts'
import type { Wire } from '../wire.ts'
import {
  carriedAtOnce,
  type AnswerMessage,
  type AskMessage,
  type CarriedMessage,
  type EngineName,
  type EngineSpeech,
} from './engine.ts'

const id = text(128, 1)
const session = text(300, 1)
const host = nullable(object<SessionHost>({ peer: id, incarnation: count }))

export interface EngineWire<Request, Reply> extends Wire<
  CarriedMessage<Request, Reply>,
  AskMessage<Request>,
  AnswerMessage<Reply>
> {
  readonly engine: EngineName
}

export function engineWire<Request, Reply, Record>(
  speech: EngineSpeech<Request, Reply, Record>,
): EngineWire<Request, Reply> {
  const requests = list(speech.request, carriedAtOnce)
  const replies = list(speech.reply, carriedAtOnce)
  return {
    engine: speech.engine,
    peers: jsonCodec(
      'PeerMessage',
      union<CarriedMessage<Request, Reply>, 'kind'>('kind', {
        ask: { session, host, requests },
        answer: { session, replies },
        'operator-asks': { id: count, request: operatorRequest },
        'holder-answers': { id: count, answer: operatorAnswer },
      }),
    ),
    fromHolders: jsonCodec(
      'AskMessage',
      union<AskMessage<Request>, 'type'>('type', {
        ask: { session, to: nullable(id), requests },
        status: { id: count, election: nullable(text(253, 1)) },
        'operator-asks': { id: count, request: operatorRequest },
        'holder-answers': { by: id, id: count, answer: operatorAnswer },
      }),
    ),
    toHolders: jsonCodec(
      'AnswerMessage',
      union<AnswerMessage<Reply>, 'type'>('type', {
        answer: { session, from: id, replies },
        status: { id: count, status: peerStatus },
        'holder-asked': { by: id, id: count, request: operatorRequest },
        'operator-told': { id: count, answer: operatorAnswer },
        error: { error: errorReply },
      }),
    ),
    supersedes(message) {
      if (message.kind !== 'ask') return undefined
      const [only, ...others] = message.requests
      if (only === undefined || others.length > 0 || !speech.isKeepalive(only)) return undefined
      return `keepalive ${message.session}`
    },
  }
}
