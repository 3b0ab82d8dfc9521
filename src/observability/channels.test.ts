import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { publish } from './channels.ts'

it('builds no message without a subscriber', () => {
  let built = 0
  publish('mandate:campaign', () => {
    built++
    return { election: 'billing', candidateId: 'a' }
  })
  expect(built).toBe(0)
})

it('hands the message to the subscribers of its own channel only', () => {
  const heard: unknown[] = []
  const listen = (message: unknown) => void heard.push(message)
  subscribe('mandate:lost', listen)
  publish('mandate:campaign', () => ({ election: 'billing', candidateId: 'a' }))
  const lost = { election: 'billing', candidateId: 'a', token: '7', reason: 'expired' }
  publish('mandate:lost', () => lost)
  unsubscribe('mandate:lost', listen)
  publish('mandate:lost', () => lost)
  expect(heard).toEqual([lost])
})
