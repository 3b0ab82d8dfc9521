import { expect, it } from 'vitest'
import type { HolderMessage } from './messages.ts'
import { Reader } from './reader.ts'

function readerThatTells(): { reader: Reader; sent: HolderMessage[]; told: string[]; lost: string[] } {
  const sent: HolderMessage[] = []
  const told: string[] = []
  const lost: string[] = []
  const reader = new Reader(
    (message) => sent.push(message),
    (reason) => lost.push(reason),
  )
  reader.observe('job', (state) => told.push(state.is === 'led' ? `led ${state.token}` : state.is))
  return { reader, sent, told, lost }
}

const observed = (token: bigint) =>
  ({ type: 'observed', id: 1, state: { is: 'led', id: 'a', token, metadata: {} } }) as const

it('asks again after every change of sponsor, and is never taken back in time', () => {
  const { reader, sent, told } = readerThatTells()
  reader.up()
  reader.received(observed(7n))
  reader.down('connection closed')
  reader.up()
  reader.received(observed(5n))
  reader.received(observed(7n))
  reader.received(observed(9n))
  expect(sent.map(({ type }) => type)).toEqual(['observe', 'observe'])
  expect(told).toEqual(['led 7', 'unknown', 'led 7', 'led 9'])
})

it('tells that nothing is known when no peer answers, once, also to who comes later', async () => {
  const { reader, told } = readerThatTells()
  reader.down('no peer answers')
  reader.down('no peer answers')
  expect(told).toEqual(['unknown'])
  const late: string[] = []
  reader.observe('other', ({ is }) => late.push(is))
  expect(late).toEqual([])
  await Promise.resolve()
  expect(late).toEqual(['unknown'])
})

it('looks for another sponsor when this one knows nothing any more', () => {
  const { reader, lost } = readerThatTells()
  reader.up()
  reader.received({ type: 'observed', id: 1, state: { is: 'unknown', reason: 'no quorum' } })
  expect(lost).toEqual(['no quorum'])
})
