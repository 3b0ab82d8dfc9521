import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addRecord, lastRecord, type RecordLine } from './record.ts'
import { noTotals } from './totals.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-record-'))
  file = join(folder, 'storm.ndjson')
})
afterEach(() => rmSync(folder, { recursive: true }))

const parameters = { version: '1', faults: ['storm'] }
const line = (nextSeed: string): RecordLine => ({
  schemaVersion: 1,
  parameters,
  firstSeed: '1',
  nextSeed,
  totals: { ...noTotals, seeds: Number(nextSeed) - 1 },
  wallMs: 5,
  at: 7,
})

it('goes on behind the last line', () => {
  expect(lastRecord(file, parameters)).toBeNull()
  addRecord(file, line('10'))
  addRecord(file, line('20'))
  expect(lastRecord(file, parameters)).toEqual(line('20'))
})

it('forgets a line that was cut off, and writes the next one whole', () => {
  addRecord(file, line('10'))
  appendFileSync(file, JSON.stringify(line('20')).slice(0, 40))
  expect(lastRecord(file, parameters)).toEqual(line('10'))
  addRecord(file, line('30'))
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3)
  expect(lastRecord(file, parameters)).toEqual(line('30'))
})

it('refuses a file of another sweep, and a file that is none', () => {
  addRecord(file, line('10'))
  expect(() => lastRecord(file, { ...parameters, faults: ['all'] })).toThrow(/name another file/)
  writeFileSync(file, 'shopping list\n')
  expect(() => lastRecord(file, parameters)).toThrow(/no record of a simulation/)
})
