import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import { ScriptedArbiter } from '../testing/election-stage.ts'

const { backend } = new ScriptedArbiter()
const valid = { name: 'billing', backend }

function refusal(options: unknown): unknown {
  try {
    createElection(options as never)
  } catch (error) {
    return error
  }
  return undefined
}

describe('createElection() refuses', () => {
  it.each([
    ['an empty name', { ...valid, name: '' }, 'INVALID_NAME', /is empty/],
    ['a name that is no string', { ...valid, name: 7 }, 'INVALID_NAME', /of type number/],
    ['a control character', { ...valid, name: 'a\nb' }, 'INVALID_NAME', /control character/],
    ['half a surrogate pair', { ...valid, name: 'a\ud800' }, 'INVALID_NAME', /surrogate/],
    ['a name of 254 bytes', { ...valid, name: `${'ü'.repeat(126)}xx` }, 'INVALID_NAME', /254 bytes/],
    ['a misspelt option', { ...valid, leaseMS: 5 }, 'INVALID_OPTIONS', /option leaseMS/],
    [
      'a misspelt option of the candidate',
      { ...valid, candidate: { ID: 'x' } },
      'INVALID_OPTIONS',
      /candidate\.ID/,
    ],
    ['no backend', { name: 'billing' }, 'INVALID_OPTIONS', /option backend/],
    ['no options', undefined, 'INVALID_OPTIONS', /option options/],
    ['a mode nobody has', { ...valid, exclusivity: 'both' }, 'INVALID_OPTIONS', /'both'.*'time' or 'token'/],
    [
      'a lease that is too short',
      { ...valid, leaseMs: 5 },
      'INVALID_OPTIONS',
      /leaseMs is 5; .*10 to 86400000 ms/,
    ],
    ['a lease that is no number', { ...valid, leaseMs: Number.NaN }, 'INVALID_OPTIONS', /leaseMs is NaN/],
    ['a lease longer than a day', { ...valid, leaseMs: 2 ** 31 }, 'INVALID_OPTIONS', /leaseMs/],
    ['an empty id', { ...valid, candidate: { id: '' } }, 'INVALID_OPTIONS', /candidate\.id is empty/],
    [
      'a broken priority',
      { ...valid, candidate: { priority: 1.5 } },
      'INVALID_OPTIONS',
      /candidate\.priority is 1\.5/,
    ],
    ['a huge priority', { ...valid, candidate: { priority: 1e9 } }, 'INVALID_OPTIONS', /candidate\.priority/],
    [
      'metadata that is a list',
      { ...valid, candidate: { metadata: ['a'] } },
      'INVALID_OPTIONS',
      /candidate\.metadata/,
    ],
    [
      'a number in metadata',
      { ...valid, candidate: { metadata: { a: 1 } } },
      'INVALID_OPTIONS',
      /metadata\.a is of type/,
    ],
    [
      'large metadata',
      { ...valid, candidate: { metadata: { a: 'x'.repeat(4096) } } },
      'LIMIT_EXCEEDED',
      /4097 bytes/,
    ],
  ])('%s', (_what, options, code, message) => {
    expect(refusal(options)).toMatchObject({ code, message: expect.stringMatching(message) as unknown })
  })

  it('an exclusivity that the backend does not support, naming both', () => {
    const timeOnly = new ScriptedArbiter({ exclusivity: ['time'] }).backend
    expect(refusal({ ...valid, backend: timeOnly, exclusivity: 'token' })).toMatchObject({
      code: 'INVALID_OPTIONS',
      details: { option: 'exclusivity', value: 'token', expected: `'time'` },
    })
  })
})

describe('createElection() takes', () => {
  it('a name of exactly 253 bytes and a slash where the backend nests', () => {
    const name = `team/${'n'.repeat(248)}`
    expect(createElection({ ...valid, name }).name).toBe(name)
    const limits = { ...backend.facts.limits, nestedNames: false, nameBytes: 8 }
    const flat = new ScriptedArbiter({ limits }).backend
    expect(refusal({ name: 'a/b', backend: flat })).toMatchObject({ code: 'INVALID_NAME' })
    expect(refusal({ name: 'nine-long', backend: flat })).toMatchObject({ code: 'INVALID_NAME' })
  })

  it('the id of the backend for the candidate that names none', () => {
    expect(createElection(valid).candidateId).toBe('me')
  })

  it('a copy of the metadata', async () => {
    const arbiter = new ScriptedArbiter()
    const metadata: Record<string, string> = { address: 'before' }
    const election = createElection({ name: 'billing', backend: arbiter.backend, candidate: { metadata } })
    metadata['address'] = 'after'
    const campaign = election.campaign()
    await arbiter.clock.advanceAsync(0)
    expect(arbiter.candidacy.request.metadata).toEqual({ address: 'before' })
    arbiter.candidacy.win(1n)
    await campaign
  })
})
