// One process of a bench: a peer that stands in one election and writes a line for whatever happens to it.
// The lines carry CLOCK_MONOTONIC, which all processes of one machine share.
import { writeSync } from 'node:fs'
import { createElection } from '../dist/index.js'
import { raft } from '../dist/backends/raft.js'

const { id, peers, dataDir, timing, exclusivity } = JSON.parse(process.argv[2] ?? '{}')

const say = (event, more = {}) =>
  writeSync(
    1,
    `${JSON.stringify({ at: Number(process.hrtime.bigint()) / 1e6, pid: process.pid, id, event, ...more })}\n`,
  )

const backend = raft({ self: id, peers, dataDir, timing, onBackgroundFailure: () => undefined })
const election = createElection({ name: 'bench', backend, exclusivity })
const stop = new AbortController()
let leadership = null

process.on('SIGTERM', () => stop.abort())
process.on('message', (order) => {
  if (order === 'resign') {
    say('resigning')
    void leadership?.resign()
  } else if (order === 'memory') {
    say('memory', { rssMiB: process.memoryUsage.rss() / 1024 / 1024, ledRaft: leadsRaft })
  }
})
process.on('disconnect', () => process.exit())

let leadsRaft = null
async function watchRaft() {
  const { answers } = await backend.status({ timeoutMs: 500 })
  leadsRaft = answers.some((answer) => answer.peer === id && answer.leader === id)
}

await backend.start()
say('started')
while (!stop.signal.aborted) {
  try {
    leadership = await election.campaign({ signal: stop.signal })
  } catch (error) {
    if (stop.signal.aborted) break
    throw error
  }
  say('elected', { token: leadership.token.toString() })
  watchRaft().catch(() => undefined)
  const ended = new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
  await Promise.race([leadership.lost, ended])
  if (stop.signal.aborted) await leadership.resign()
  say('lost', { reason: await leadership.lost })
}
await election.close()
await backend.close()
say('closed')
process.disconnect()
