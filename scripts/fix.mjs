// `npm run fix`: lets the linter and the formatter repair what they can.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const run = (name, ...args) =>
  spawnSync(process.execPath, [resolve(root, 'node_modules', name, 'bin', name), ...args], {
    cwd: root,
    stdio: 'inherit',
  }).status

const lint = run('oxlint', '--type-aware', '--fix')
const format = run('oxfmt', '--write', '.')
process.exitCode = lint === 0 && format === 0 ? 0 : 1
