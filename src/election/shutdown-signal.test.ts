import { afterEach, describe, expect, it } from 'vitest'
import { shutdownSignal } from './shutdown-signal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const before = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const)

/** Without the handlers of the test runner, which would end it. */
function alone(): void {
  for (const signal of SIGNALS) process.removeAllListeners(signal)
}

afterEach(() => {
  for (const [signal, listeners] of before) {
    process.removeAllListeners(signal)
    for (const listener of listeners) process.on(signal, listener)
  }
})

describe('shutdownSignal()', () => {
  it.each(SIGNALS)('aborts on the first %s; the second is not caught', (name) => {
    alone()
    const signal = shutdownSignal()
    expect(signal.aborted).toBe(false)
    process.emit(name, name)
    expect(signal.aborted).toBe(true)
    expect(String(signal.reason)).toContain(name)
    for (const each of SIGNALS) expect(process.listenerCount(each)).toBe(0)
  })
})
