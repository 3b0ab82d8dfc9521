// What `isValid()` costs on a leadership of `raft()`; answers in JSON. Run with --expose-gc, and with young space enough
// that no collection comes between two readings of the heap (--min-semi-space-size).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createElection } from '../dist/index.js'
import { raft } from '../dist/backends/raft.js'
import { median } from './figures.mjs'
import { freePorts } from './cluster.mjs'

const rounds = Number(process.argv[2] ?? 1_000_000)
const dataDir = mkdtempSync(join(tmpdir(), 'mandate-bench-'))
const [port] = await freePorts(1)
// A long lease: the loops below let no keepalive through.
const backend = raft({ self: 'a', peers: { a: `127.0.0.1:${port}` }, dataDir, timing: 'calm' })
const election = createElection({ name: 'bench', backend })
const leadership = await election.campaign()
const collect = globalThis.gc ?? (() => fail('run with --expose-gc'))

function fail(message) {
  throw new Error(message)
}

let valid = 0
function call(times) {
  for (let i = 0; i < times; i++) if (leadership.isValid()) valid++
}

const times = []
const bytes = []
for (let sample = 0; sample < 9; sample++) {
  // Renewals come in between the samples, and the first two only warm up.
  await new Promise((resolve) => setTimeout(resolve, 30))
  collect()
  // A collection may throw optimised code away; what the next calls then allocate is not what a call costs.
  call(rounds / 4)
  const heap = process.memoryUsage().heapUsed
  const since = process.hrtime.bigint()
  call(rounds)
  const ns = Number(process.hrtime.bigint() - since)
  const grown = process.memoryUsage().heapUsed - heap
  if (sample < 2) continue
  times.push(ns / rounds)
  bytes.push(grown / rounds)
}
if (valid !== 9 * (rounds + rounds / 4)) fail('the leadership was lost during the measurement')
await election.close()
await backend.close()
rmSync(dataDir, { recursive: true, force: true })
// What a sample itself leaves behind (the BigInt, the two reports) is a few hundred bytes over all rounds.
const perCall = Math.round(median(bytes) * 1000) / 1000
process.stdout.write(
  `${JSON.stringify({ isValidNs: median(times), isValidBytesPerCall: Math.max(0, perCall), isValidRounds: rounds })}\n`,
)
