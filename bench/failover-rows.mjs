// The rows of `bench:failover`: what is killed how, and what is expected of it. A goal is null where none was set.
const clocks = { maxClockDrift: 1e-3, tickMs: 1 }
const fast = { heartbeatMs: 50, electionTimeoutMs: [150, 300], leaseMs: 150, ...clocks }
const standard = { heartbeatMs: 100, electionTimeoutMs: [500, 1000], leaseMs: 1000, ...clocks }
/** `run` needs a lease that holds its grace; its default is 3 s. */
const running = (timing, leaseMs) => ({ ...timing, leaseMs })

/** Where a p99 is claimed, it is of at least 300 trials. */
export const trialsForP99 = 300
const trialsForMean = 100
const trialsWithoutGoal = 30

const goal = (p50 = null, p99 = null, mean = null, falseElections = null) => ({
  p50,
  p99,
  mean,
  falseElections,
})

function row(label, exclusivity, timing, signal, more = {}) {
  const { goal: wanted = goal(), ...rest } = more
  const trials = wanted.p99 === null ? trialsWithoutGoal : trialsForP99
  return {
    ...{
      label,
      backend: 'raft',
      kind: 'library',
      peers: 3,
      exclusivity,
      signal,
      timing,
      hint: 'on',
      graceMs: null,
      clusters: 1,
    },
    ...{ goal: wanted, trials, quietMs: null, victim: 'leader' },
    ...rest,
  }
}

/** Only a dead Raft leader makes an election, and only silence tells: what the Raft paper measured (§9.3). */
const paper = { peers: 5, hint: 'off', victim: 'raft-leader', trials: trialsForMean }
const graceful = { goal: goal(5, 25) }
// Trials that mostly wait, and start no process while another's clock runs for a few ms, disturb each other next to never.
const two = { clusters: 2 }
/** In `run` a lease of 1 s is about the shortest that leaves a command time to stop. */
const brief = { kind: 'run', graceMs: 300 }
const asShipped = { kind: 'run', graceMs: 1000 }

export const rows = [
  row('SIGKILL, token, fast', 'token', fast, 'SIGKILL', { goal: goal(20, 60) }),
  row('SIGKILL, time, fast', 'time', fast, 'SIGKILL', { goal: goal(180, 350), ...two }),
  row('SIGKILL, token, default', 'token', standard, 'SIGKILL'),
  row('SIGKILL, time, default', 'time', standard, 'SIGKILL', { goal: goal(1000, 1150), clusters: 3 }),
  ...['paxos', 'bully'].flatMap((backend) => [
    row(`${backend}, SIGKILL, token, fast`, 'token', fast, 'SIGKILL', { backend, goal: goal(30) }),
    row(`${backend}, SIGKILL, time, fast`, 'time', fast, 'SIGKILL', { backend, goal: goal(200), ...two }),
    row(`${backend}, SIGKILL, time, default`, 'time', standard, 'SIGKILL', {
      ...{ backend, goal: goal(1050), clusters: 3 },
    }),
    row(`${backend}, resign, token, fast`, 'token', fast, 'resign', { backend }),
  ]),
  row('SIGTERM, token, fast', 'token', fast, 'SIGTERM', graceful),
  row('SIGTERM, time, default', 'time', standard, 'SIGTERM', graceful),
  row('resign, token, fast', 'token', fast, 'resign', { ...graceful, ...two }),
  row('resign, time, default', 'time', standard, 'resign', { ...graceful, ...two }),
  row('SIGKILL, token, fast, 5 peers', 'token', fast, 'SIGKILL', { peers: 5 }),
  row('SIGKILL, time, fast, 5 peers', 'time', fast, 'SIGKILL', { peers: 5 }),
  row('resign, time, default, 5 peers', 'time', standard, 'resign', { peers: 5 }),
  row(
    'SIGKILL, 25-50 ms, 5 peers, no hint',
    'token',
    { heartbeatMs: 10, electionTimeoutMs: [25, 50], leaseMs: 150, ...clocks },
    'SIGKILL',
    { ...paper, goal: goal(null, null, 35, 0), quietMs: 600_000 },
  ),
  row(
    'SIGKILL, 12-24 ms, 5 peers, no hint',
    'token',
    { heartbeatMs: 5, electionTimeoutMs: [12, 24], leaseMs: 150, ...clocks },
    'SIGKILL',
    { ...paper, goal: goal(null, null, 35), quietMs: 30_000 },
  ),
  row('run, SIGKILL, token, fast, lease 1 s', 'token', running(fast, 1000), 'SIGKILL', brief),
  row('run, SIGKILL, time, fast, lease 1 s', 'time', running(fast, 1000), 'SIGKILL', brief),
  row('run, SIGKILL, time, default, lease 3 s', 'time', running(standard, 3000), 'SIGKILL', asShipped),
  row('run, SIGTERM, time, default, lease 3 s', 'time', running(standard, 3000), 'SIGTERM', asShipped),
]

/**
 * After a victim came back, and before the moment of the next signal: links must be older than 200 ms to be dialled again
 * at once, and the new leader's lease must have been renewed a few times.
 */
export const settleMs = ({ timing }) => Math.max(300, 3 * timing.heartbeatMs)

/** The signal comes at a random moment of this span, which no heartbeat, renewal or lease is longer than. */
export const momentMs = ({ timing }) => Math.max(timing.leaseMs, 2 * timing.heartbeatMs)

/** How long a row should take, in ms. */
export function expectedMs({ trials, quietMs, perTrialMs, clusters = 1, ...row }) {
  return 2000 + (quietMs ?? 0) + (trials / clusters) * (perTrialMs ?? trialMs(row))
}

function trialMs({ timing, exclusivity, signal, kind, victim }) {
  // The guard of `run` outlives its supervisor, ends the command and gives the leadership back: no lease is waited for.
  const waits = signal === 'SIGKILL' && exclusivity === 'time' && kind !== 'run'
  const failover = waits ? timing.leaseMs : 50
  const restart = signal === 'resign' ? 0 : kind === 'run' ? 900 : 130
  // The state of Raft is asked for, and the election moved if it has to be.
  const asking = victim === 'raft-leader' ? settleMs({ timing }) + 100 : 50
  return settleMs({ timing }) + asking + momentMs({ timing }) / 2 + failover + restart
}
