#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'

const main = new URL('../dist/cli/main.js', import.meta.url)
const asksVersion = process.argv.length === 3 && ['--version', '-V'].includes(process.argv[2])

if (asksVersion) {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  process.stdout.write(`${manifest.version}\n`)
} else if (existsSync(main)) {
  module.enableCompileCache?.() // From Node 22.1: later starts skip most of the parsing.
  await import(main.href)
} else {
  process.stderr.write('mandate: not built yet. Run `npm run build` first, then try again.\n')
  process.exitCode = 78
}
