import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { CommandContext } from '../command.ts'
import { UsageError } from '../exit-codes.ts'
import { isLocal, parseListenAddress, showListenAddress } from './listen-address.ts'
import { translateOldFlags } from './old-flags.ts'

const context = (given: Partial<CommandContext>): CommandContext => ({
  flags: {},
  operands: [],
  wrapped: [],
  env: {},
  cwd: '/',
  inbox: undefined,
  ...given,
})

describe('the old command line', () => {
  it('means an election on a Lease of its namespace, with the host name as id', () => {
    const { flags, operands } = translateOldFlags(
      context({
        flags: { compat: 'leader-elector', election: 'example', electionNamespace: 'jobs', ttl: '1m30s' },
      }),
    )
    expect(operands).toEqual(['example'])
    expect(flags).toMatchObject({ backend: 'k8s://jobs', lease: '90000ms', id: hostname() })
  })

  it('has the defaults of that sidecar, and gives way to what is said in our words', () => {
    const flags = { compat: 'leader-elector', election: 'example' }
    expect(translateOldFlags(context({ flags })).flags).toMatchObject({
      backend: 'k8s://default',
      lease: '10s',
    })
    const ours = { ...flags, backend: 'memory://', id: 'me', lease: '3s' }
    expect(translateOldFlags(context({ flags: ours })).flags).toMatchObject(ours)
    const env = { MANDATE_BACKEND: 'memory://', MANDATE_CANDIDATE_ID: 'me', MANDATE_COMPAT: 'leader-elector' }
    const said = translateOldFlags(context({ flags: { election: 'example' }, env })).flags
    expect(said).not.toHaveProperty('backend')
    expect(said).not.toHaveProperty('lease')
    expect(said).not.toHaveProperty('id')
  })

  it.each([
    ['no election', {}, [], /which election/],
    ['an old flag alone', { election: 'x' }, [], /--election is a flag of the old sidecar: add --compat/],
    ['two names', { compat: 'leader-elector', election: 'x' }, ['y'], /named twice/],
    [
      'two namespaces',
      { compat: 'leader-elector', election: 'x', electionNamespace: 'a', backend: 'k8s://b' },
      [],
      /leave one/,
    ],
    ['no duration', { compat: 'leader-elector', election: 'x', ttl: '10' }, [], /'10' is not a duration/],
    ['an empty duration', { compat: 'leader-elector', election: 'x', ttl: '0s' }, [], /not a duration/],
  ])('is refused with %s', (_what, flags, operands, message) => {
    const call = () => translateOldFlags(context({ flags, operands }))
    expect(call).toThrow(UsageError)
    expect(call).toThrow(message)
  })
})

describe('where it listens', () => {
  it.each([
    ['127.0.0.1:4040', true],
    ['localhost:0', true],
    ['[::1]:4040', true],
    ['127.0.0.1.example.org:80', false],
    ['0.0.0.0:4040', false],
    [':4040', false],
  ])('%s, reached by this machine alone: %s', (text, local) => {
    const parsed = parseListenAddress(text)
    if (!parsed.ok) throw new Error(parsed.problem)
    expect(isLocal(parsed.value)).toBe(local)
    expect(showListenAddress(parsed.value)).toBe(text)
  })

  it.each(['4040', 'localhost', 'a:b', 'a:65536', '::1:4040', 'http://a:1', ''])(
    '%s is no address',
    (text) => {
      expect(parseListenAddress(text)).toMatchObject({
        ok: false,
        problem: expect.stringContaining('host:port'),
      })
    },
  )
})
