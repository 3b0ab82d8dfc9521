// What it costs to import a client of Kubernetes: time and memory over a script that does nothing.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { median } from './figures.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = fileURLToPath(new URL('../.cache/bench-client-node', import.meta.url))
const runs = 7

/** The newest that loads on Node 20. */
const version = '1.4.0'

function clientNode() {
  if (existsSync(`${folder}/node_modules/@kubernetes/client-node`)) return folder
  mkdirSync(folder, { recursive: true })
  const dependencies = { '@kubernetes/client-node': version }
  writeFileSync(`${folder}/package.json`, JSON.stringify({ private: true, type: 'module', dependencies }))
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'], {
      cwd: folder,
      stdio: 'ignore',
    })
    return folder
  } catch {
    return undefined
  }
}

function measure(cwd, statement) {
  const script = `
    const since = performance.now()
    ${statement}
    const ms = performance.now() - since
    globalThis.gc?.()
    console.log(JSON.stringify({ ms, rss: process.memoryUsage.rss() }))`
  const samples = Array.from({ length: runs + 1 }, () => {
    const args = ['--expose-gc', '--input-type=module', '-e', script]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${statement}: ${stderr}`)
    return JSON.parse(stdout)
    // The first round reads the files from the disk.
  }).slice(1)
  return { ms: median(samples.map(({ ms }) => ms)), rss: median(samples.map(({ rss }) => rss)) }
}

export function measureClients() {
  const installed = clientNode()
  const empty = measure(root, '')
  const row = (label, cwd, statement) => {
    const { ms, rss } = measure(cwd, statement)
    return { label, importMs: ms - empty.ms, rssMiB: (rss - empty.rss) / 1024 / 1024 }
  }
  return [
    row(
      '`mandate` and `mandate/kubernetes`',
      root,
      "await import('mandate'); await import('mandate/kubernetes')",
    ),
    ...(installed === undefined
      ? []
      : [
          row(`\`@kubernetes/client-node\` ${version}`, installed, "await import('@kubernetes/client-node')"),
        ]),
  ]
}
