import { expect, it } from 'vitest'
import { resolveTiming } from '../../lease/timing.ts'
import { brokenPromises } from './result.ts'
import type { DemoResult } from './result.ts'

const sound: Omit<DemoResult, 'ok'> = {
  wallMs: 1,
  exclusivity: 'time',
  peers: 3,
  timing: resolveTiming('fast'),
  steps: [],
  tokens: ['3', '9', '10'],
  ledger: { lines: 10, duplicates: 0, gaps: 0, refused: 1 },
  overlapMs: 0,
  staleWriteRefused: true,
  leftover: 0,
}
const nobody = { from: null, to: null, fromToken: null, toToken: null, failoverMs: null }

it('a run in which all was as promised breaks no promise', () => {
  expect(brokenPromises(sound)).toEqual([])
})

it.each<[string, Partial<DemoResult>]>([
  ['a step failed', { steps: [{ ...nobody, step: 'kill', exclusivity: 'time', ok: false, detail: 'late' }] }],
  ['a token fell', { tokens: ['3', '10', '9'] }],
  ['a token came twice', { tokens: ['3', '3'] }],
  ['nothing was written', { ledger: { ...sound.ledger, lines: 0 } }],
  ['a line is there twice', { ledger: { ...sound.ledger, duplicates: 1 } }],
  ['a line is missing', { ledger: { ...sound.ledger, gaps: 1 } }],
  ['two believed at once', { overlapMs: 0.001 }],
  ['a stale write went through', { staleWriteRefused: false }],
  ['something is left', { leftover: 1 }],
])('%s: that is one broken promise', (_, change) => {
  expect(brokenPromises({ ...sound, ...change })).toHaveLength(1)
})
