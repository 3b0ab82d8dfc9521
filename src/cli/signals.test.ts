import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SignalInbox } from './signals.ts'
import type { SignalListener } from './signals.ts'

/** Signals as Node delivers them, without sending any to the test's own process. */
const send = (signal: NodeJS.Signals): boolean => process.emit(signal)
const handled = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
  'SIGPIPE',
] as const
let before: Map<NodeJS.Signals, readonly (() => void)[]>
let told: string[]
let hasCommand: boolean

const listener: SignalListener = {
  forward: (signal) => void told.push(`forward ${signal}`),
  stop: (signal) => void told.push(`stop ${signal}`),
  hurry: () => void told.push('hurry'),
  hasCommand: () => hasCommand,
}

beforeEach(() => {
  before = new Map(handled.map((signal) => [signal, process.listeners(signal) as (() => void)[]]))
  // The test runner's own handlers must not hear what is sent here.
  for (const signal of handled) process.removeAllListeners(signal)
  told = []
  hasCommand = true
})
afterEach(() => {
  vi.restoreAllMocks()
  for (const [signal, listeners] of before) {
    process.removeAllListeners(signal)
    for (const each of listeners) process.on(signal, each)
  }
})

test('a signal that came before anybody listened is delivered', () => {
  const inbox = new SignalInbox()
  send('SIGTERM')
  inbox.attach(listener)
  expect(told).toEqual(['stop SIGTERM'])
})

test('a second TERM or INT hurries; what npm repeats at once does not', () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
  new SignalInbox().attach(listener)
  send('SIGINT')
  now.mockReturnValue(1010)
  send('SIGINT')
  expect(told).toEqual(['stop SIGINT'])
  now.mockReturnValue(1200)
  send('SIGINT')
  expect(told).toEqual(['stop SIGINT', 'hurry'])
})

test('TERM after INT hurries at once: nobody repeats another signal by accident', () => {
  new SignalInbox().attach(listener)
  send('SIGINT')
  send('SIGTERM')
  expect(told).toEqual(['stop SIGINT', 'hurry'])
})

test('HUP, QUIT, USR1 and USR2 belong to a command that runs', () => {
  new SignalInbox().attach(listener)
  for (const signal of ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) send(signal)
  expect(told).toEqual(['forward SIGHUP', 'forward SIGQUIT', 'forward SIGUSR1', 'forward SIGUSR2'])
})

test('while no command runs HUP and QUIT end the wait, USR1 and USR2 do nothing', () => {
  hasCommand = false
  new SignalInbox().attach(listener)
  send('SIGUSR1')
  send('SIGUSR2')
  send('SIGHUP')
  expect(told).toEqual(['stop SIGHUP'])
})

test('asked again while no command runs, it does not wait for goodbyes', async () => {
  const now = vi.spyOn(performance, 'now')
  const inbox = new SignalInbox()
  inbox.attach(listener)
  let hurried = false
  void inbox.hurried.then(() => (hurried = true))
  now.mockReturnValue(1000)
  send('SIGTERM')
  now.mockReturnValue(2000)
  send('SIGTERM')
  await Promise.resolve()
  // While a command runs, its death is hurried, and the election is still left in order.
  expect([told, hurried]).toEqual([['stop SIGTERM', 'hurry'], false])
  hasCommand = false
  now.mockReturnValue(3000)
  send('SIGTERM')
  await Promise.resolve()
  expect([told, hurried]).toEqual([['stop SIGTERM', 'hurry'], true])
})
