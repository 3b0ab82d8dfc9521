// One peer that stands in very many elections at once, and says of each leadership from when until when it may believe that it
// leads, by CLOCK_MONOTONIC, which all processes of one machine share.
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { createElection } from '../dist/index.js'
import { engines } from './engines.mjs'
import { now, sleep } from './figures.mjs'

const { engine, id, peers, dataDir, timing, elections } = await new Promise((resolve) =>
  process.once('message', resolve),
)
process.on('disconnect', () => process.exit())

/** A pipe of the parent may be full while it is not read: waits, as a write to a file would. */
function say(event, more = {}) {
  const line = Buffer.from(`${JSON.stringify({ at: now(), event, ...more })}\n`)
  for (let written = 0; written < line.length;) {
    try {
      written += writeSync(1, line, written)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

/** An instant at which it is over; between two looks at the clock, so that no stall is counted in. */
function untilMs(leadership) {
  for (;;) {
    const before = now()
    const remainingMs = leadership.remainingMs()
    if (now() - before < 0.2) return before + remainingMs
  }
}

const held = new Map()
let latest = 0

// Said of each leadership; all of one session have one deadline, so the first that tells of a new one speaks for all.
subscribe('mandate:renewed', ({ remainingMs }) => {
  if (remainingMs === 0 || now() + remainingMs - latest < 1) return
  const ends = [...held].map(([name, leadership]) => [name, leadership.isValid() ? untilMs(leadership) : 0])
  latest = ends.reduce((until, [, one]) => Math.max(until, one), latest)
  const others = ends.filter(([, until]) => until < latest - 1).map(([name]) => name)
  say('valid', { untilMs: latest, others })
})

const backend = engines[engine]({
  self: id,
  peers,
  dataDir,
  timing,
  onBackgroundFailure: ({ during, error }) => say('failure', { during, error: String(error).slice(0, 300) }),
})
await backend.start()
say('started')

async function lead(name) {
  const election = createElection({ name, backend })
  for (;;) {
    let leadership
    try {
      leadership = await election.campaign()
    } catch (error) {
      say('refused', { name, error: String(error).slice(0, 300) })
      continue
    }
    if (!leadership.isValid()) continue
    const token = leadership.token.toString()
    held.set(name, leadership)
    say('elected', { name, token, untilMs: untilMs(leadership) })
    leadership.signal.addEventListener('abort', () => {
      held.delete(name)
      say('lost', { name, token, reason: leadership.reason })
    })
    await leadership.lost
  }
}
for (let index = 0; index < elections; index++) {
  void lead(`e${index}`)
  // As a service that starts would: neither one by one, nor all in one turn.
  if (index % 256 === 255) await sleep(250)
}
