/** One process of the demo: a peer that votes, and a candidate with a small job. Speaks over descriptor 3. */
import { Socket } from 'node:net'
import { raft } from '../../backends/raft.ts'
import { createElection, isMandateError } from '../../index.ts'
import type { Election, Leadership } from '../../index.ts'
import { lineReader } from '../guard-protocol.ts'
import { printError, writeFully } from '../streams.ts'
import { Job } from './job.ts'
import type { FromPeer, PeerConfig, ToPeer } from './protocol.ts'

const config = JSON.parse(process.argv[2] ?? '') as PeerConfig
const { id, peers, dataDir, timing, cluster, remainingEveryMs } = config
process.title = `mandate demo peer ${id}`

const backend = raft({
  self: id,
  peers,
  dataDir,
  timing,
  cluster,
  onBackgroundFailure: ({ during, error }) => printError(`${during}: ${String(error)}`),
})

let election: Election | undefined
let job: Job | undefined

/** Written at once, in one piece: the demo measures by the arrival of these lines. */
function tell(event: FromPeer): void {
  if (writeFully(3, `${JSON.stringify({ pid: process.pid, ...event })}\n`) === 'closed') process.exit(1)
}

function fail(error: unknown): never {
  const code = isMandateError(error) ? error.code : 'INTERNAL'
  tell({ event: 'failed', code, message: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}

function receive(line: string): void {
  const command = JSON.parse(line) as ToPeer
  switch (command.type) {
    case 'stand':
      stand(command)
      break
    case 'hesitate':
      job?.hesitate(command.token, command.frozenMs)
      break
    case 'resign':
      job?.leadership.resign().catch(fail)
      break
    case 'leave':
      leave().catch(fail)
      break
    default:
      command satisfies never
  }
}

function stand({ election: name, exclusivity, ledger }: ToPeer & { readonly type: 'stand' }): void {
  election = createElection({ name, backend, exclusivity })
  const work = async (leadership: Leadership): Promise<void> => {
    // Before anything else: this is the instant that failover is measured to.
    tell({ event: 'leads', token: leadership.token.toString() })
    job = new Job({ id, leadership, ledger, tell })
    await job.run()
    job = undefined
  }
  election.lead(work, { onError: () => 'stop' }).catch(fail)
}

async function leave(): Promise<void> {
  await election?.close()
  tell({ event: 'left' })
}

const channel = new Socket({ fd: 3 })
for (const event of ['end', 'close', 'error']) channel.on(event, () => process.exit(1))
// Both close when their owner dies; a stopped process cannot see it, and is killed by the reaper.
for (const event of ['end', 'close', 'error']) process.stdin.on(event, () => process.exit(1))
process.stdin.resume()
if (remainingEveryMs !== undefined) {
  setInterval(() => {
    if (job === undefined) return
    const { token } = job.leadership
    tell({ event: 'remaining', token: token.toString(), ms: job.leadership.remainingMs() })
  }, remainingEveryMs)
}
channel.setEncoding('utf8').on('data', lineReader(receive))
backend.start().then(() => tell({ event: 'ready' }), fail)
