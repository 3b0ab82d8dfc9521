import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { kustomizationFor, objectsFor } from './documents.ts'
import { planOf } from './manifests.ts'

const deployed = fileURLToPath(new URL('../../../deploy', import.meta.url))
const asked = (flags: Record<string, string | boolean> = {}, name = 'billing') =>
  planOf({ flags, operands: [name], wrapped: [], env: {}, cwd: '/', inbox: undefined })

/** What `deploy/` was written with; a change there or here shows in the other. */
const folders = {
  run: { service: true, events: true, 'flow-schema': true },
  sidecar: { service: true, events: true, 'flow-schema': true, sidecar: true },
}

describe('deploy/kubernetes', () => {
  it.each(Object.entries(folders))('%s is what the command prints', (folder, given) => {
    const flags = Object.fromEntries(
      Object.entries(given).map(([flag, value]) => [flag === 'flow-schema' ? 'flowSchema' : flag, value]),
    )
    const plan = asked(flags)
    const files = [...objectsFor(plan), kustomizationFor(plan)]
    const path = `${deployed}/kubernetes/${folder}`
    expect(readdirSync(path).toSorted()).toEqual(files.map(({ file }) => file).toSorted())
    for (const { file, text } of files) expect(readFileSync(`${path}/${file}`, 'utf8'), file).toBe(text)
  })
})

describe('the objects', () => {
  const objects = (flags: Record<string, string | boolean>) =>
    objectsFor(asked(flags)).map(({ text }) => parse(text) as Record<string, never>)

  it('name the election, the namespace and each other', () => {
    const all = objects({
      namespace: 'jobs',
      image: 'r.example:5000/billing:1.4',
      replicas: '3',
      preset: 'fast',
    })
    expect(all.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'Role', 'RoleBinding', 'Deployment'])
    for (const { metadata } of all) expect(metadata).toMatchObject({ namespace: 'jobs' })
    expect(all[1]).toMatchObject({ rules: [{ verbs: ['create'] }, { resourceNames: ['billing'] }] })
    expect(all[2]).toMatchObject({
      roleRef: { name: 'billing-election' },
      subjects: [{ kind: 'ServiceAccount', name: 'billing-election', namespace: 'jobs' }],
    })
    expect(all[3]).toMatchObject({
      spec: { replicas: 3, template: { spec: { serviceAccountName: 'billing-election' } } },
    })
    expect(JSON.stringify(all[3])).toContain('k8s://jobs?preset=fast')
  })

  it('grant nothing that was not asked for', () => {
    const plain = JSON.stringify(objects({}))
    for (const right of ['pods/status', 'events', 'FlowSchema']) expect(plain).not.toContain(right)
    const all = JSON.stringify(objects({ service: true, events: true, flowSchema: true }))
    for (const right of ['pods/status', 'events', 'FlowSchema', 'leader-label=mandate.dev/leader=billing']) {
      expect(all).toContain(right)
    }
  })

  it('keep a command as it is, whatever stands in it', () => {
    const all = objects({ command: "node -e 'x: #1' {a}" })
    expect(JSON.stringify(all)).toContain(
      JSON.stringify(['run', 'billing', '--', 'node', '-e', "'x:", "#1'", '{a}']),
    )
  })
})

it.each([
  [{}, 'Billing', 'INVALID_NAME'],
  [{}, 'x'.repeat(51), 'INVALID_NAME'],
  [{ namespace: 'a.b' }, 'billing', 'INVALID_OPTIONS'],
  [{ image: 'x }\nkind: Pod' }, 'billing', 'INVALID_OPTIONS'],
  [{ replicas: '-1' }, 'billing', 'INVALID_OPTIONS'],
  [{ preset: 'slow' }, 'billing', 'INVALID_OPTIONS'],
  [{ command: ' ' }, 'billing', 'INVALID_OPTIONS'],
])('%o for %s is refused with %s', (flags, name, code) => {
  expect(() => asked(flags, name)).toThrow(expect.objectContaining({ code }))
})

describe('deploy/Dockerfile', () => {
  const lines = readFileSync(`${deployed}/Dockerfile`, 'utf8').split('\n')

  it('copies what there is, runs as nobody in particular, and starts the command', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const copies = lines
      .filter((line) => /^COPY (?!--from)/.test(line))
      .flatMap((line) => line.split(' ').slice(1, -1))
    const present = new Set(readdirSync(root))
    expect(copies.filter((path) => !present.has(path))).toEqual([])
    expect(lines).toContain('USER 65532:65532')
    expect(lines.at(-2)).toBe('ENTRYPOINT ["mandate"]')
    const allowed = readFileSync(`${deployed}/Dockerfile.dockerignore`, 'utf8')
    expect(copies.filter((path) => !allowed.includes(`!${path}`))).toEqual([])
  })

  it('is built with a Node that lets `mandate run` be the first process of a container', () => {
    const majors = lines.flatMap((line) => /^FROM node:(\d+)/.exec(line)?.[1] ?? [])
    expect(majors.map(Number).every((major) => major >= 24)).toBe(true)
  })
})
