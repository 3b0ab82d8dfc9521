/** What `raft()` and `createElection()` refuse before anything is opened: each with its code, the value and the fix. */
import { describe, expect, it } from 'vitest'
import { createElection } from '../../src/index.ts'
import { raft } from '../../src/backends/raft.ts'
import { refusal } from './loopback.ts'

const peers = { a: '127.0.0.1:7401', b: '127.0.0.1:7402', c: '127.0.0.1:7403' }
const own = { peers, self: 'a', dataDir: './data/a' }

/** As untyped JavaScript would call it. */
const raftOf = (options: unknown): unknown => raft(options as Parameters<typeof raft>[0])

describe('raft() refuses', () => {
  it.each<[what: string, options: unknown, option: string, says: readonly string[]]>([
    ['no options', undefined, 'options', ['options is absent', 'an object']],
    ['no peers', {}, 'peers', ['peers is absent', 'host:port']],
    ['an empty table', { peers: {} }, 'peers', ['peers is 0', '1 to 63 peers']],
    [
      'peers as a list',
      { peers: ['127.0.0.1:7401'] },
      'peers',
      ["peers is [ '127.0.0.1:7401' ]", 'host:port'],
    ],
    ['an address without a port', { peers: { a: '127.0.0.1' } }, 'peers.a', ['"127.0.0.1"', 'host:port']],
    ['port 0', { peers: { a: '127.0.0.1:0' } }, 'peers.a', ['"127.0.0.1:0"', '1-65535']],
    ['a port that is none', { peers: { a: 'db:70000' } }, 'peers.a', ['"db:70000"', '1-65535']],
    ['an address that is no string', { peers: { a: 7401 } }, 'peers.a', ['7401', 'host:port']],
    ['an id with a space', { peers: { 'a b': '127.0.0.1:7401' } }, 'peers', ['"a b"', 'letters, digits']],
    [
      'two peers on one address',
      { peers: { a: '127.0.0.1:7401', b: '127.0.0.1:7401' } },
      'peers.b',
      ['"127.0.0.1:7401"', 'an address of its own: a has the same'],
    ],
    ['self without a folder', { peers, self: 'a' }, 'dataDir', ['dataDir is absent', 'a folder for the log']],
    [
      'a folder without self',
      { peers, dataDir: './x' },
      'self',
      ['self is absent', 'a client keeps no data'],
    ],
    ['listen without self', { peers, listen: '127.0.0.1:7401' }, 'listen', ['"127.0.0.1:7401"', 'self']],
    ['a listen address that is none', { ...own, listen: 'here' }, 'listen', ['"here"', 'host:port']],
    ['a cluster id with a space', { peers, cluster: 'my cluster' }, 'cluster', ['"my cluster"', 'spaces']],
    ['a token base that is a number', { peers, tokenBase: 5 }, 'tokenBase', ['tokenBase is 5', 'bigint']],
    ['a negative token base', { peers, tokenBase: -1n }, 'tokenBase', ['tokenBase is -1n', '0n to 2^62']],
    ['a log of no size', { peers, logBytesMax: 0 }, 'logBytesMax', ['logBytesMax is 0', 'above 0']],
    ['an unknown preset', { peers, timing: 'quick' }, 'timing', ["'quick'", 'fast, default, calm']],
    [
      'an unknown duration',
      { peers, timing: { leaseSeconds: 1 } },
      'timing',
      ['leaseSeconds', 'use heartbeatMs'],
    ],
    [
      'a lease shorter than two heartbeats',
      { peers, timing: { heartbeatMs: 100, leaseMs: 150 } },
      'timing',
      ['leaseMs is 150', 'raise leaseMs to 203'],
    ],
    [
      'election timeouts below two heartbeats',
      { peers, timing: { heartbeatMs: 300 } },
      'timing',
      ['electionTimeoutMs[0] is 500 with heartbeatMs 300', 'raise it above 600'],
    ],
    ['a misspelt option', { ...own, datadir: './data/a' }, 'datadir', ['datadir is "./data/a"', 'dataDir']],
    [
      'an unknown clock policy',
      { peers, onClockStep: 'panic' },
      'onClockStep',
      ['"panic"', "'lose' or 'ignore'"],
    ],
    ['insecure as a word', { ...own, insecure: 'no' }, 'insecure', ['insecure is "no"', 'true or false']],
    [
      'a listener that is none',
      { peers, onBackgroundFailure: 1 },
      'onBackgroundFailure',
      ['is 1', 'a function'],
    ],
  ])('%s', async (_what, options, option, says) => {
    const error = await refusal(() => raftOf(options))
    expect([error.code, Reflect.get(error.details, 'option')]).toEqual(['INVALID_OPTIONS', option])
    for (const each of says) expect(error.message).toContain(each)
  })

  it('a self that is no peer, and says who the peers are', async () => {
    const error = await refusal(() => raft({ ...own, self: 'd' }))
    expect(error).toMatchObject({ code: 'NOT_A_PEER', details: { id: 'd', peers: ['a', 'b', 'c'] } })
    expect(error.message).toMatch(/self is "d", but the peers are a, b, c.*leave `self` out to be a client/)
  })

  it('everything that is wrong in one error', async () => {
    const error = await refusal(() => raftOf({ peers: { a: 'x', b: 'x' }, self: 'a', tokenBase: 1 }))
    for (const each of ['peers.a', 'peers.b', 'dataDir', 'tokenBase']) expect(error.message).toContain(each)
  })
})

describe('createElection() refuses', () => {
  const backend = raft({ peers })
  it.each<[what: string, options: object, code: string, says: readonly string[]]>([
    ['an empty name', { name: '' }, 'INVALID_NAME', ['""', 'empty']],
    ['a name with a line break', { name: 'a\nb' }, 'INVALID_NAME', ['control']],
    ['an unknown exclusivity', { exclusivity: 'lease' }, 'INVALID_OPTIONS', ["'lease'", "'time'", "'token'"]],
    ['a lease below the least', { leaseMs: 10 }, 'INVALID_OPTIONS', ['leaseMs is 10', 'takes 203']],
    ['a misspelt option', { leaseMS: 1000 }, 'INVALID_OPTIONS', ['leaseMS', 'leaseMs']],
    [
      'a priority that is no integer',
      { candidate: { priority: 0.5 } },
      'INVALID_OPTIONS',
      ['0.5', 'integer'],
    ],
    ['an empty id', { candidate: { id: '' } }, 'INVALID_OPTIONS', ['candidate.id']],
    ['metadata of 5 KiB', { candidate: { metadata: { k: 'x'.repeat(5000) } } }, 'LIMIT_EXCEEDED', ['4096']],
    ['metadata that is no text', { candidate: { metadata: { k: 1 } } }, 'INVALID_OPTIONS', ['metadata']],
    ['no backend', { backend: undefined }, 'INVALID_OPTIONS', ['backend', 'raft()']],
  ])('%s', async (_what, options, code, says) => {
    const error = await refusal(() => createElection({ name: 'billing', backend, ...options }))
    expect(error.code).toBe(code)
    for (const each of says) expect(error.message).toContain(each)
  })
})
