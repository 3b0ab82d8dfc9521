/** `mandate status [NAME]`: the cluster and its elections, merged over all peers that answer. */
import type { Backend, Guarantee } from '../backends/backend.ts'
import { createElection, isMandateError } from '../index.ts'
import { version } from '../version.ts'
import { reportOf } from './cluster-report.ts'
import type { ElectionReport, PeerReport, StatusReport } from './cluster-report.ts'
import type { CommandContext } from './command.ts'
import { wantsJson } from './config.ts'
import { paletteFor } from './colour.ts'
import { checkElectionName } from './election-name.ts'
import { exitCode } from './exit-codes.ts'
import { hasStatus, missingQuorum } from './quorum-watch.ts'
import { answerLimitMs, backendType, leaderJson, markOf, openReader, silence } from './reader.ts'
import { print, printError, printJson } from './streams.ts'
import { table } from './table.ts'

const peerAnswerLimitMs = 1500

export async function status(context: CommandContext): Promise<number> {
  const [name] = context.operands
  if (name !== undefined) checkElectionName(name)
  const backend = await openReader(context)
  try {
    const view = hasStatus(backend)
      ? await backend.status({ election: name, timeoutMs: peerAnswerLimitMs })
      : undefined
    const report =
      view !== undefined && hasStatus(backend)
        ? reportOf(backend, view, name, Date.now())
        : await plainReport(await backendType(context), backend, name)
    // The table shows by itself who does not answer, and why.
    if (!wantsJson(context)) printReport(report)
    else {
      printJson('status', version, report)
      const missing =
        view !== undefined && hasStatus(backend) ? missingQuorum(view, backend.engine) : undefined
      if (missing !== undefined) printError(`mandate: ${missing}`)
    }
    return exitCodeFor(report)
  } finally {
    await backend.close()
  }
}

function exitCodeFor({ backend, cluster }: StatusReport): number {
  if (!backend.reachable) return exitCode.unreachable
  return cluster === null || cluster.quorum.ok ? exitCode.done : exitCode.negative
}

interface Answer {
  readonly election?: ElectionReport
  /** Why there is none. */
  readonly problem?: unknown
}

/** A backend without peers can only be asked for an election by its name. */
async function plainReport(
  type: string,
  backend: Backend<Guarantee>,
  name: string | undefined,
): Promise<StatusReport> {
  const { guarantee, tokenSource } = backend.facts
  const asked: Answer = name === undefined ? await answers(backend) : await plainElection(backend, name)
  const problem = asked.problem === undefined ? null : reasonOf(asked.problem)
  return {
    at: Date.now(),
    backend: { type, guarantee, tokenSource, reachable: problem === null, problem },
    cluster: null,
    elections: asked.election === undefined ? [] : [asked.election],
  }
}

/** Whether it takes an observer, which asks it for nothing else. */
async function answers(backend: Backend<Guarantee>): Promise<Answer> {
  try {
    const share = await backend.shareObserver({ signal: AbortSignal.timeout(answerLimitMs) })
    await share.leave()
    return {}
  } catch (error) {
    return { problem: silence(error) }
  }
}

async function plainElection(backend: Backend<Guarantee>, name: string): Promise<Answer> {
  const election = createElection({ name, backend })
  const state = await election
    .current({ signal: AbortSignal.timeout(answerLimitMs) })
    .catch((error: unknown) => ({ type: 'unknown', cause: silence(error) }) as const)
  await election.close()
  return {
    election: {
      name,
      state: state.type,
      leader: state.type === 'led' ? leaderJson(state.leader) : null,
      exclusivity: backend.facts.guarantee === 'advisory' ? 'none' : 'time',
      heldMs: null,
      expiresInMs: null,
      waiting: [],
      lastReason: null,
    },
    ...(state.type === 'unknown' && { problem: state.cause }),
  }
}

/** The innermost cause: what was in the way. */
function reasonOf(problem: unknown): string {
  let error = problem
  while (error instanceof Error && isMandateError(error.cause)) error = error.cause
  return error instanceof Error ? error.message : String(error)
}

function printReport({ cluster, elections, backend }: StatusReport): void {
  const palette = paletteFor(1, process.env)
  if (cluster === null)
    print(
      `backend: ${backend.tokenSource}, ${backend.reachable ? 'answers' : `does not answer: ${backend.problem}`}`,
    )
  else {
    const { quorum } = cluster
    const enough = backend.guarantee === 'advisory' ? 'needs no quorum' : 'quorum'
    const state = quorum.ok ? palette.green(enough) : palette.red('no quorum')
    const isRaft = backend.type === 'raft'
    const term = isRaft ? `, term ${cluster.term}` : ''
    print(
      `cluster ${cluster.id}: ${state}, ${quorum.reachable} of ${cluster.peers.length} peers answer${term}\n`,
    )
    print(peerTable(cluster.peers, isRaft))
    print('')
  }
  if (elections.length === 0 && cluster === null) {
    if (backend.reachable) print('it lists no elections: name one, as in `mandate status billing`')
  } else if (elections.length > 0) print(electionTable(elections))
  else
    print(
      cluster?.quorum.ok === true
        ? 'no elections'
        : 'without a quorum nobody can say which elections there are',
    )
}

/** Only Raft's peers have roles, and a log that is applied. */
function peerTable(peers: readonly PeerReport[], isRaft: boolean): string {
  const ofRaft = (...cells: string[]) => (isRaft ? cells : [])
  return table(
    ['PEER', 'ADDRESS', ...ofRaft('ROLE'), 'HEARD', ...ofRaft('APPLIED'), 'LOG', 'PROBLEM'],
    peers.map((peer) => [
      peer.id,
      peer.address,
      ...ofRaft(peer.role),
      ago(peer.lastHeardMs),
      ...ofRaft(peer.appliedIndex ?? '-'),
      size(peer.logBytes),
      peer.problem ?? '',
    ]),
  )
}

function electionTable(elections: readonly ElectionReport[]): string {
  return table(
    ['ELECTION', 'LEADER', 'TOKEN', 'STATE', 'MODE', 'HELD FOR', 'EXPIRES IN', 'WAITING', 'LAST REASON'],
    elections.map((election) => [
      election.name,
      election.leader?.id ?? '-',
      election.leader === null ? '-' : markOf(election.leader),
      election.state,
      election.exclusivity,
      span(election.heldMs),
      span(election.expiresInMs),
      election.waiting.map(({ id }) => id).join(', ') || '-',
      election.lastReason ?? '-',
    ]),
  )
}

function span(ms: number | null): string {
  if (ms === null) return '-'
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}

function ago(ms: number | null): string {
  return ms === null ? '-' : `${Math.round(ms)} ms ago`
}

function size(bytes: number | null): string {
  if (bytes === null) return '-'
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
