import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const built = fileURLToPath(new URL('../../dist/cli/health-command.js', import.meta.url))

const program = `
  import { openSync } from 'node:fs'
  import { healthCommand } from ${JSON.stringify(built)}
  const check = healthCommand('true', process.env)
  const judged = () => check(new AbortController().signal).then(() => 'healthy', (error) => error.code)
  const said = [await judged()]
  try { for (;;) openSync('/dev/null') } catch {}
  said.push(await judged())
  await new Promise((resolve) => setImmediate(resolve))
  console.log(said.join(' '))
`

test('a check that cannot be started for want of file descriptors fails, and ends nothing else', async () => {
  const { stdout } = await promisify(execFile)('/bin/sh', [
    '-c',
    'ulimit -n 100; exec "$0" --input-type=module -e "$1"',
    process.execPath,
    program,
  ])
  expect(stdout.trim()).toBe('healthy EMFILE')
})
