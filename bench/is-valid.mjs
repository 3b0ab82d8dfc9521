// What `isValid()` costs: nanoseconds and bytes a call (`npm run bench:is-valid`).
import { createElection } from '../dist/index.js'
import { memory } from '../dist/backends/memory.js'

const backend = memory({ timing: { leaseMs: 60_000 } })
const election = createElection({ name: 'bench', backend })
const leadership = await election.campaign()
const rounds = 2_000_000
let valid = 0
for (let i = 0; i < rounds; i++) if (leadership.isValid()) valid++

const samples = []
for (let sample = 0; sample < 7; sample++) {
  const since = process.hrtime.bigint()
  for (let i = 0; i < rounds; i++) if (leadership.isValid()) valid++
  samples.push(Number(process.hrtime.bigint() - since) / rounds)
}
globalThis.gc?.()
const before = process.memoryUsage().heapUsed
for (let i = 0; i < rounds; i++) if (leadership.isValid()) valid++
const bytes = (process.memoryUsage().heapUsed - before) / rounds
if (valid !== rounds * 9) throw new Error('the leadership was lost during the measurement')
samples.sort((a, b) => a - b)
process.stdout.write(
  `isValid(): median ${samples[3].toFixed(0)} ns (min ${samples[0].toFixed(0)}, max ${samples[6].toFixed(0)}), ${Math.max(0, bytes).toFixed(3)} bytes a call\n`,
)
await election.close()
