import { expect, test } from 'vitest'
import { MandateError, mandateErrorCodes } from '../errors.ts'
import { exitCodeOf, exitCodeOfSignal, UsageError } from './exit-codes.ts'
import { explain } from './explain.ts'

test('every error code ends in one of the documented exit codes', () => {
  const documented = [0, 1, 64, 69, 75, 77, 78, 79, 125, 126, 127]
  for (const code of mandateErrorCodes) {
    expect(documented, code).toContain(exitCodeOf(new MandateError(code, '', {})))
  }
})

test('wrong usage, settings, rights and an absent backend are told apart', () => {
  expect(exitCodeOf(new UsageError('x'))).toBe(64)
  expect(exitCodeOf(new MandateError('INVALID_OPTIONS', '', { option: 'x' }))).toBe(78)
  expect(exitCodeOf(new MandateError('BACKEND_UNAVAILABLE', '', {}))).toBe(69)
  expect(exitCodeOf(new MandateError('FORBIDDEN', '', { reason: '' }))).toBe(77)
  expect(exitCodeOf(new Error('a defect'))).toBe(125)
})

test('a signal is 128 + n, as a shell says it', () => {
  expect(exitCodeOfSignal('SIGTERM')).toBe(143)
  expect(exitCodeOfSignal('SIGKILL')).toBe(137)
})

test('an error is told cause first, then what to do, without a stack', () => {
  const cause = new Error('connection refused')
  const tried = [{ target: 'b 127.0.0.1:7402', reason: 'ECONNREFUSED' }]
  const text = explain(new MandateError('BACKEND_UNAVAILABLE', 'No peer answers.', { tried }, { cause }))
  expect(text.split('\n')).toEqual([
    'mandate: No peer answers.',
    '  because: connection refused',
    '  b 127.0.0.1:7402: ECONNREFUSED',
    expect.stringContaining('  fix: start what --backend names'),
  ])
})
