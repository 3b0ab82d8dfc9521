// One process of a bench: a peer that stands in one election and writes a line for whatever happens to it. Orders come
// over the IPC channel. The lines carry CLOCK_MONOTONIC, which all processes of one machine share.
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { holdMany, measureGrants } from './candidate-load.mjs'
import './fsync-probe.mjs'

const { createElection } = await import('../dist/index.js')
const { engines } = await import('./engines.mjs')

process.on('disconnect', () => process.exit())
// What it is to be comes over IPC, so that a process can be kept ready for whoever is ended next.
const { engine, id, peers, listen, dataDir, timing, exclusivity, reports } = await new Promise((resolve) =>
  process.once('message', resolve),
)
const now = () => Number(process.hrtime.bigint()) / 1e6
const say = (event, more = {}) =>
  writeSync(1, `${JSON.stringify({ at: now(), pid: process.pid, id, event, ...more })}\n`)

const options = { self: id, peers, listen, dataDir, timing, onBackgroundFailure: () => undefined }
const backend = engines[engine](options)
const election = createElection({ name: 'bench', backend, exclusivity })
const stop = new AbortController()
let leadership = null

const orders = {
  resign() {
    say('resigning')
    return leadership?.resign()
  },
  transfer: ({ to }) => leadership?.transfer(to),
  usage() {
    const { user, system } = process.cpuUsage()
    say('usage', { cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 1024 / 1024 })
  },
  async hold({ count }) {
    await holdMany({ createElection, backend, count })
    say('held', { count })
  },
  async grants({ concurrency, ms }) {
    say('granted', { concurrency, ...(await measureGrants({ createElection, backend, concurrency, ms })) })
  },
}

const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
process.on('SIGTERM', () => stop.abort())
process.on('message', (order) => {
  Promise.resolve(orders[order.do](order)).catch((error) => say('failed', { reason: String(error) }))
})

/** Until when it may say of itself that it leads; read before the clock, so never too short. */
function validity(held) {
  const remainingMs = held.remainingMs()
  return { token: held.token.toString(), untilMs: now() + remainingMs }
}

if (reports) {
  subscribe('mandate:renewed', () => {
    if (leadership?.isValid()) say('valid', validity(leadership))
  })
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
  say('elected', validity(leadership))
  const { token } = leadership
  const told = () => say('lost', { token: token.toString() })
  leadership.signal.addEventListener('abort', told, { once: true })
  if (leadership.signal.aborted) told()
  await Promise.race([leadership.lost, stopped])
  if (stop.signal.aborted) await leadership.resign()
}
await election.close()
await backend.close()
say('closed')
process.disconnect()
