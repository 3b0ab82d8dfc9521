// One candidate of one library, ours or another, as a process. Tells when it begins to lead, and every 10 ms whether it would
// still say that it leads if it were asked: `isValid()` where there is such a question, else what it was told last.
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'

const { system, id, options, quiet = false } = JSON.parse(process.argv[2] ?? '{}')
/** The packages that are not ours live beside their own manifest. */
const peer = createRequire(new URL('peers/package.json', import.meta.url))

const now = () => Number(process.hrtime.bigint()) / 1e6
const tell = (is) => writeSync(1, `${JSON.stringify({ is, id, at: now() })}\n`)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

let leads = () => false
let told = false
function begin(isLeading) {
  leads = isLeading
  tell('led')
}
// Nothing beside the work is measured where only the first word counts.
if (!quiet)
  setInterval(() => {
    const is = leads()
    if (is) tell('leads')
    else if (told) tell('lost')
    told = is
  }, 10)

const systems = { mandate, etcd3, redlock }
process.on('unhandledRejection', () => undefined)
process.on('SIGTERM', () => void stop())
let stop = async () => process.exit(0)
await systems[system]()

async function mandate() {
  const { createElection } = await import('mandate')
  const { [options.factory]: factory } = await import(`mandate/${options.factory}`)
  const backend = factory({ ...options.backend, onBackgroundFailure: () => undefined })
  const election = createElection({ name: 'bench', backend, candidate: { id } })
  let closing = false
  stop = async () => {
    closing = true
    await election.close()
    await backend.close()
    process.exit(0)
  }
  while (!closing) {
    const leadership = await election.campaign()
    begin(() => leadership.isValid())
    await leadership.lost
  }
}

/** As its page shows it: `elected` until `error`. */
async function etcd3() {
  const { Etcd3 } = peer('etcd3')
  for (;;) {
    const client = new Etcd3({ hosts: options.address })
    const campaign = client.election('bench', options.ttlSeconds).campaign(id)
    stop = async () => {
      await campaign.resign()
      process.exit(0)
    }
    let elected = false
    const failed = new Promise((resolve) => campaign.on('error', resolve))
    campaign.on('elected', () => {
      elected = true
      begin(() => elected)
    })
    await failed
    elected = false
    client.close()
    await sleep(200)
  }
}

/** As its page shows it: leads within `using` until the signal is aborted. */
async function redlock() {
  const { Redlock } = peer('@sesamecare-oss/redlock')
  const { Redis } = peer('ioredis')
  const client = new Redis(options.port, '127.0.0.1')
  client.on('error', () => undefined)
  const lock = new Redlock([client], { retryCount: -1, retryDelay: 100, retryJitter: 50 })
  lock.on('error', () => undefined)
  for (;;) {
    try {
      await lock.using(['bench'], options.ttlMs, async (signal) => {
        let stopped = false
        begin(() => !signal.aborted && !stopped)
        await new Promise((resolve) => {
          stop = async () => {
            stopped = true
            resolve()
            await sleep(500)
            process.exit(0)
          }
          signal.addEventListener('abort', resolve)
        })
      })
    } catch {
      await sleep(100)
    }
  }
}
