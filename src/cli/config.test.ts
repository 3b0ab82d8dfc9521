import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resolveConfig } from './config.ts'
import type { Environment, Flags } from './config.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'mandate-config-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const resolve = (flags: Flags, env: Environment = {}) => resolveConfig({ flags, env, cwd: folder })

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no problem at all',
    (error: unknown) => (error as Error).message,
  )
}

test('flag beats variable beats file beats default, and each value knows its source', async () => {
  const config = file(
    'm.yaml',
    'run: { grace: 400ms, onLoss: exit }\nlease: 9s\ncandidate: { priority: 4 }\n',
  )
  const env = { MANDATE_CONFIG: config, MANDATE_LEASE: '8s', MANDATE_GRACE: '300ms' }
  const resolved = await resolve({ lease: '7s' }, env)
  expect(resolved.lease).toEqual({ value: 7000, source: 'flag --lease' })
  expect(resolved.grace).toEqual({ value: 300, source: 'variable MANDATE_GRACE' })
  expect(resolved.onLoss).toEqual({ value: 'exit', source: `file ${config}` })
  expect(resolved.priority).toEqual({ value: 4, source: `file ${config}` })
  expect(resolved.exclusivity).toEqual({ value: 'time', source: 'default' })
})

test('an empty variable counts as absent', async () => {
  expect((await resolve({}, { MANDATE_GRACE: '' })).grace).toEqual({ value: 1000, source: 'default' })
})

test('the variables that run gives its child are never read', async () => {
  const resolved = await resolve({}, { MANDATE_ID: 'x', MANDATE_TOKEN: '7', MANDATE_ELECTION: 'y' })
  expect(resolved.id).toEqual({ value: undefined, source: 'default' })
  expect((await resolve({}, { MANDATE_CANDIDATE_ID: 'w' })).id.value).toBe('w')
})

test('all problems of flags, variables and file are told at once', async () => {
  const config = file(
    'm.yaml',
    'lease: 3\nrun: { grase: 1s, wait: soon }\nextra: 1\nversion: 2\nbackend: raft://x\n',
  )
  const message = await messageOf(resolve({ config, priority: 'high' }, { MANDATE_EXCLUSIVITY: 'both' }))
  expect(message).toContain("--priority: 'high' is not a whole number")
  expect(message).toContain("MANDATE_EXCLUSIVITY: 'both' is no exclusivity: write time or token")
  expect(message).toContain("lease: '3' has no unit")
  expect(message).toContain("no key 'run.grase' (known: grace, wait, onLoss, restart, shell, killSignal)")
  expect(message).toContain("run.wait: 'soon' is not a duration")
  expect(message).toContain("no key 'extra'")
  expect(message).toContain('version 2 is not known')
  expect(message).toContain("backend: the peer 'x' has no id")
})

test('relative paths count from the file, in a URL as in an object', async () => {
  const byUrl = file('a.yaml', 'backend: raft://a@h:1?self=a&data=./d')
  expect((await resolve({ config: byUrl })).backend.value).toMatchObject({ dataDir: join(folder, 'd') })
  const object = { backend: { type: 'raft', self: 'a', peers: { a: 'h:1' }, dataDir: './e', timing: 'fast' } }
  const byObject = file('b.json', JSON.stringify(object))
  expect((await resolve({ config: byObject })).backend.value).toEqual({
    type: 'raft',
    self: 'a',
    peers: { a: 'h:1' },
    dataDir: join(folder, 'e'),
    timing: { preset: 'fast' },
  })
  const module = file('c.yaml', 'backend: { module: ./mine.js, options: { a: 1 } }')
  expect((await resolve({ config: module })).backend.value).toEqual({
    type: 'module',
    module: join(folder, 'mine.js'),
    options: { a: 1 },
  })
})

test('the object form of a backend lists its problems too', async () => {
  const text = `backend:
  type: raft
  self: z
  peers: { a: nowhere, b: "h:1" }
  timing: { heartbeat: 50, electionTimeout: [300ms, 150ms] }
  insecure: 1
  color: red
`
  const message = await messageOf(resolve({ config: file('m.yaml', text) }))
  expect(message).toContain("peers.a: 'nowhere' has no port")
  expect(message).toContain("self is 'z'")
  expect(message).toContain("timing.heartbeat: '50' has no unit")
  expect(message).toContain('electionTimeout runs backwards')
  expect(message).toContain('insecure is 1')
  expect(message).toContain("no key 'color'")
})

test.each([
  ['m.toml', 'a = 1', "'.toml' is no known extension"],
  ['m.json', '{', 'JSON'],
  ['m.yaml', 'a: 1\na: 2\n', 'unique'],
  ['m.yaml', '- a\n', 'a list where a map is expected'],
])('%s holding %j is refused', async (name, text, problem) => {
  expect(await messageOf(resolve({ config: file(name, text) }))).toContain(problem)
})

test('a file that is not there is named', async () => {
  expect(await messageOf(resolve({ config: 'none.yaml' }))).toBe('none.yaml: there is no such file')
})

test('one URL serves every process: self and data come from flags or variables', async () => {
  const env = { MANDATE_BACKEND: 'raft://a@h:1,b@h:2', MANDATE_SELF: 'a', MANDATE_DATA: './d' }
  expect((await resolve({ self: 'b' }, env)).backend.value).toMatchObject({
    self: 'b',
    dataDir: join(folder, 'd'),
  })
  expect(await messageOf(resolve({ self: 'c' }, env))).toContain('--self: self is')
})

test('metadata is repeated as a flag, listed in a variable and a map in a file', async () => {
  const expected = { url: 'http://h:1/?a=b', zone: 'x' }
  expect((await resolve({ metadata: ['url=http://h:1/?a=b', 'zone=x'] })).metadata.value).toEqual(expected)
  expect((await resolve({}, { MANDATE_METADATA: 'url=http://h:1/?a=b,zone=x' })).metadata.value).toEqual(
    expected,
  )
  const config = file('m.yaml', 'candidate: { metadata: { url: "http://h:1/?a=b", zone: x } }')
  expect((await resolve({ config })).metadata.value).toEqual(expected)
  expect(await messageOf(resolve({ metadata: ['zone'] }))).toContain("'zone' is not k=v")
})

test('a value of metadata may hold a comma when it is given as a flag', async () => {
  expect((await resolve({ metadata: ['tags=a,b', 'zone=x'] })).metadata.value).toEqual({
    tags: 'a,b',
    zone: 'x',
  })
})

test('an empty data folder is refused: it would be the working directory', async () => {
  const backend = 'raft://a@h:1?self=a'
  expect(await messageOf(resolve({ backend, data: '' }))).toContain('--data is empty: name a folder')
})
