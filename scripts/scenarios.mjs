// Plays the golden transcripts of scenarios/ (`npm run scenarios`); with --rewrite it writes what they print now, and the
// diff is the review: only commit a change whose cause you understand.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { rewrite: { type: 'boolean', default: false } } })
const { status } = spawnSync('npx', ['vitest', 'run', 'src/protocols/raft/scenarios.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, ...(values.rewrite ? { MANDATE_REWRITE: '1' } : {}) },
})
process.exitCode = status ?? 1
