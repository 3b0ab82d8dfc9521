/**
 * One process of a compared cluster: a peer that stands again and again, as a service does, over real sockets and a real
 * folder, with a meter at its seams. Speaks over descriptor 3.
 */
import { Socket } from 'node:net'
import { defineBackend } from '../../backends/define-backend.ts'
import type { BackendDriver, BackendEnv, Guarantee } from '../../backends/backend.ts'
import { peerEdges } from '../../backends/peer-edges.ts'
import { contenders, type Engine } from '../../compare/contenders.ts'
import { Meter } from '../../compare/meter.ts'
import { createElection, isMandateError } from '../../index.ts'
import type { LeadershipOf } from '../../index.ts'
import { monotonicMs } from '../demo/protocol.ts'
import { lineReader } from '../guard-protocol.ts'
import { printError, writeFully } from '../streams.ts'
import type { ComparedPeerConfig, FromComparedPeer, ToComparedPeer } from './protocol.ts'

const config = JSON.parse(process.argv[2] ?? '') as ComparedPeerConfig
const { id, peers, dataDir, timing, exclusivity } = config
const CLUSTER = 'compared'
/** How stale what a frozen leader last knew of its deadline may be. */
const LOOK_MS = 5

process.title = `mandate compare peer ${id}`
const meter = new Meter()
const leaving = new AbortController()
let losing = 0
let leadership: LeadershipOf<Guarantee> | null = null

function tell(event: FromComparedPeer): void {
  if (writeFully(3, `${JSON.stringify({ pid: process.pid, ...event })}\n`) === 'closed') process.exit(1)
}

function fail(error: unknown): never {
  const code = isMandateError(error) ? error.code : 'INTERNAL'
  tell({ event: 'failed', code, message: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}

function metered<ToPeer, FromHolder, ToHolder>(
  engine: Engine<ToPeer, FromHolder, ToHolder>,
  env: BackendEnv,
): BackendDriver<Guarantee> {
  const options = { self: id, peers, dataDir }
  const where = { cluster: CLUSTER, heartbeatMs: timing.heartbeatMs, env }
  const { peer, connectClient } = peerEdges(options, engine.wire, where)
  if (peer === null) throw new TypeError('a compared process is a peer')
  const loses = (): boolean => losing > 0 && Math.random() < losing
  return engine.driver(
    { peers, cluster: CLUSTER, timing, tokenBase: 0n },
    {
      connectClient,
      warmsUp: true,
      peer: {
        self: id,
        storage: meter.storage(peer.storage),
        transport: (identity) => meter.transport(peer.transport(identity), engine.wire.peers, loses),
      },
    },
    env,
  )
}

function receive(line: string): void {
  const command = JSON.parse(line) as ToComparedPeer
  switch (command.type) {
    case 'count':
      tell({ event: 'counted', traffic: meter.read() })
      break
    case 'lose':
      losing = command.probability
      break
    default:
      command satisfies never
  }
}

/** Told once it is lost, which a process that was frozen learns late. */
function follow(held: LeadershipOf<Guarantee>): void {
  tell({ event: 'leads', at: monotonicMs() })
  leadership = held
  let until = 0
  const look = (): void => {
    // The clock first: a pause between the two must not lengthen what it believes.
    const nowMs = monotonicMs()
    const remainingMs = held.remainingMs()
    if (remainingMs > 0) until = nowMs + remainingMs
  }
  look()
  const looking = setInterval(look, LOOK_MS)
  held.signal.addEventListener('abort', () => {
    clearInterval(looking)
    tell({ event: 'lost', at: monotonicMs(), until })
  })
}

async function run(): Promise<void> {
  const contender = contenders.find(({ name, quorum }) => name === config.engine && quorum === config.quorum)
  if (contender === undefined) throw new TypeError(`no engine is called ${config.engine}`)
  const backend = contender.play((engine) =>
    defineBackend((env) => metered(engine, env), {
      timing,
      defaultCandidateId: id,
      onBackgroundFailure: ({ during, error }) => printError(`${during}: ${String(error)}`),
    }),
  )
  const { signal } = leaving
  signal.addEventListener('abort', () => {
    const resigned = Promise.resolve(leadership?.resign())
    resigned.then(() => backend.close()).then(() => process.exit(0), fail)
  })
  await backend.start()
  tell({ event: 'ready' })
  const election = createElection({
    name: 'compared',
    backend,
    ...(exclusivity === 'none' ? {} : { exclusivity }),
  })
  while (!signal.aborted) {
    const held = await election.campaign({ signal })
    follow(held)
    await held.lost
  }
}

const channel = new Socket({ fd: 3 })
for (const event of ['end', 'close', 'error']) channel.on(event, () => process.exit(1))
// Both close when their owner dies; a stopped process cannot see it, and is killed by the reaper.
for (const event of ['end', 'close', 'error']) process.stdin.on(event, () => process.exit(1))
process.stdin.resume()
channel.setEncoding('utf8').on('data', lineReader(receive))
process.once('SIGTERM', () => leaving.abort())
run().catch((error: unknown) => {
  if (!leaving.signal.aborted) fail(error)
})
