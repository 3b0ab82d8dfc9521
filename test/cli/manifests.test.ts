import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { Stage } from './processes.ts'

let stage: Stage
beforeEach(() => void (stage = new Stage()))
afterEach(() => stage.close())

const kinds = (text: string) =>
  parseAllDocuments(text).map((document) => (document.toJS() as { readonly kind: string }).kind)

test('prints objects for kubectl on stdout and nothing else', async () => {
  const { code, stdout, stderr } = await stage.finish([
    'manifests',
    'billing',
    '--namespace',
    'jobs',
    '--service',
  ])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(kinds(stdout)).toEqual(['ServiceAccount', 'Role', 'RoleBinding', 'Service', 'Deployment'])
})

test('writes the same objects as files, with a kustomization that lists them', async () => {
  const printed = await stage.finish(['manifests', 'billing', '--sidecar'])
  const written = await stage.finish(['manifests', 'billing', '--json', '--out', 'deploy'], {
    MANDATE_SIDECAR: 'true',
  })
  expect(written.code).toBe(0)
  const { folder, files } = JSON.parse(written.stdout) as { folder: string; files: readonly string[] }
  expect(folder).toBe(join(stage.folder, 'deploy'))
  expect(files.at(-1)).toBe('kustomization.yaml')
  const objects = files.slice(0, -1)
  expect(objects.map((file) => readFileSync(join(folder, file), 'utf8')).join('---\n')).toBe(printed.stdout)
  const kustomization = readFileSync(join(folder, 'kustomization.yaml'), 'utf8')
  expect(parseAllDocuments(kustomization)[0]?.toJS()).toMatchObject({ resources: objects })
})

test('what is asked wrongly ends with the code of its kind, and prints no object', async () => {
  writeFileSync(join(stage.folder, 'taken'), '')
  const refused: readonly (readonly [number, RegExp, readonly string[]])[] = [
    [64, /names objects of Kubernetes/, ['Billing']],
    [64, /missing required argument/, []],
    [78, /--replicas is "many"/, ['billing', '--replicas', 'many']],
    [78, /--out: nothing can be written/, ['billing', '--out', 'taken/deploy']],
  ]
  for (const [code, message, args] of refused) {
    const got = await stage.finish(['manifests', ...args])
    expect(got).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) })
  }
})
