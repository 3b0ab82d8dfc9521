import { expect, test } from 'vitest'
import type { AskMessage } from '../../cluster/engine/engine.ts'
import { engineWire } from '../../cluster/engine/engine-wire.ts'
import { maxClientBytes } from '../../cluster/tcp-frame.ts'
import type { PaxosRequest } from '../../protocols/paxos/types.ts'
import { Mail } from './mail.ts'
import { paxosSpeech } from './speech.ts'

type Ask = Extract<AskMessage<PaxosRequest>, { type: 'ask' }>

function posted(write: (mail: Mail) => void): Ask[] {
  const messages: Ask[] = []
  const mail = new Mail('s~1', (message) => {
    if (message.type === 'ask') messages.push(message)
  })
  write(mail)
  mail.flush()
  return messages
}

const watch = (instance: string): PaxosRequest => ({ type: 'watch', instance })

test('whatever was said later to an acceptor reaches it later, said to it alone or to all', () => {
  const messages = posted((mail) => {
    mail.put(null, watch('e:1'))
    mail.put('a', watch('e:2'))
    mail.put('b', watch('e:3'))
    mail.put(null, watch('e:4'))
    mail.put('a', watch('e:5'))
  })
  const heardBy = (peer: string) =>
    messages.flatMap(({ to, requests }) =>
      to === null || to === peer ? requests.map((request) => 'instance' in request && request.instance) : [],
    )
  expect(heardBy('a')).toEqual(['e:1', 'e:2', 'e:4', 'e:5'])
  expect(heardBy('b')).toEqual(['e:1', 'e:3', 'e:4'])
})

test('what is said alternately to several acceptors leaves in one message for each', () => {
  const messages = posted((mail) => {
    for (let number = 0; number < 10; number++)
      for (const peer of ['a', 'b', 'c']) mail.put(peer, watch(`e:${number}`))
  })
  expect(messages.map(({ to, requests }) => [to, requests.length])).toEqual([
    ['a', 10],
    ['b', 10],
    ['c', 10],
  ])
})

test('a message fits the frame of a client, also with metadata that JSON escapes sixfold', () => {
  const metadata = { at: '\u0001'.repeat(4094) }
  const owner = { session: 's~1', id: 's', leaseMs: 1000, token: 1, revision: 0, metadata } as const
  const messages = posted((mail) => {
    for (let number = 0; number < 200; number++)
      mail.put(null, {
        type: 'propose',
        instance: `e:${number}`,
        ballot: 1,
        owner: { ...owner, exclusivity: 'time' },
        sequence: 1,
      })
  })
  expect(messages.flatMap(({ requests }) => requests)).toHaveLength(200)
  for (const message of messages)
    expect(engineWire(paxosSpeech).fromHolders.encode(message).length).toBeLessThanOrEqual(maxClientBytes)
})
