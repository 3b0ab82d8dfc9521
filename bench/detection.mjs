// How soon the silent death of the Raft leader is noticed, and how often one is imagined: fixed against adaptive tuning, in
// the simulator, so that a seed repeats every figure (`npm run bench:detection`).
import { parseArgs } from 'node:util'
import { resolveTiming } from '../dist/lease/timing.js'
import { runPlan } from '../dist/simulator/run.js'
import { detectionPlan } from './detection-plan.mjs'
import { compareDetectors } from './detectors.mjs'
import { distribution, fail, heading, markdownTable, now, repeatable, round } from './figures.mjs'

const usage = `npm run --silent bench:detection -- [options]
  --seed N       (default: 1)
  --trials N     silent deaths of the leader for each tuning (default: 300)
  --hours N      simulated hours with stalls of the followers for each tuning (default: 24)
  --stalls N     stalls of the leader, of each length (default: 50)
  --timing NAME  fast, default or calm (default: default)
  --json         one object on stdout; --markdown: the tables of docs/detection.md
  --check        exit 1 if a goal was missed`

const tunings = ['fixed', 'adaptive']
/** A stall of a follower, and of a leader, in ms. */
const followerStallMs = 500
const leaderStallsMs = [50, 100, 200, 400, 800]
const goal = { reduction: 0.7, extraElections: 0 }

const values = read()
const seed = values.seed ?? '1'
const trials = count('trials', values.trials ?? '300')
const hours = count('hours', values.hours ?? '24')
const stallsOfLeader = count('stalls', values.stalls ?? '50')
const timing = resolveTiming(values.timing ?? 'default')

function read() {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  const options = {
    seed: text,
    trials: text,
    hours: text,
    stalls: text,
    timing: text,
    json: flag,
    markdown: flag,
    check: flag,
    help: flag,
  }
  try {
    const { values: given } = parseArgs({ options })
    if (!given.help) return given
    process.stdout.write(`${usage}\n`)
    return process.exit(0)
  } catch (error) {
    return fail(`${error.message}\n${usage}`)
  }
}

function count(name, text) {
  const value = Number(text)
  return Number.isFinite(value) && value > 0
    ? value
    : fail(`--${name} is ${JSON.stringify(text)}: give a number above 0`)
}

/** Runs a plan and hands every event of these types to `see`. */
async function watch(plan, types, messages, see) {
  const watcher = {
    name: 'watcher',
    claim: 'Sees.',
    types,
    messages,
    check: () => ({ evaluations: 1, observe: see }),
  }
  const result = await runPlan(plan, { invariants: [watcher] })
  for (const { message } of result.violations) throw new Error(message)
  return result
}

/** Who leads the cluster of this seed while nothing happens to it. */
async function leaderOf(tuning) {
  let leader = ''
  await watch(detectionPlan({ seed, timing, tuning, simulatedMs: 30_000 }), ['led'], [], (event) => {
    leader = event.process
  })
  return leader
}

/** The leader's machine goes dark, again and again: from then to the first question for votes, and to the next leader. */
async function deaths(tuning) {
  const everyMs = 10 * timing.electionTimeoutMs[1] + 10_000
  const actions = Array.from({ length: trials }, (_, trial) => ({
    // A step that is no multiple of a heartbeat, so that deaths fall anywhere between two of them.
    at: 20_000 + trial * everyMs + ((trial * 0.618_034) % 1) * timing.heartbeatMs,
    type: 'power-loss',
    process: '@raft',
    backAfterMs: everyMs / 2,
  }))
  const simulatedMs = 20_000 + trials * everyMs
  const detected = []
  const elected = []
  let dead = null
  await watch(
    detectionPlan({ seed, timing, tuning, simulatedMs, actions }),
    ['crashed', 'led', 'sent'],
    ['pre-vote'],
    ({ type, at, process }) => {
      if (type === 'crashed') dead = { process, at, asked: false }
      if (dead === null || process === dead.process) return
      if (type === 'sent' && !dead.asked) {
        dead.asked = true
        detected.push(at - dead.at)
      }
      if (type === 'led') {
        elected.push(at - dead.at)
        dead = null
      }
    },
  )
  return { detectionMs: distribution(detected), electedMs: distribution(elected) }
}

/** Both followers stall, each in its own time, once in ten seconds: every election but the first was for nothing. */
async function followerStalls(tuning) {
  const leader = await leaderOf(tuning)
  const simulatedMs = hours * 3_600_000
  const actions = ['p1', 'p2', 'p3']
    .filter((peer) => peer !== leader)
    .flatMap((process, index) =>
      Array.from({ length: Math.floor((simulatedMs - 30_000) / 10_000) }, (_, stall) => ({
        at: 30_000 + stall * 10_000 + ((stall * 0.754_878 + index * 0.5) % 1) * 9_000,
        type: 'stall',
        process,
        forMs: followerStallMs,
      })),
    )
    .toSorted((left, right) => left.at - right.at)
  let sent = 0
  const plan = detectionPlan({ seed, timing, tuning, simulatedMs, actions })
  const { raftElections, injected } = await watch(plan, ['sent'], undefined, () => (sent += 1))
  return {
    falseElections: raftElections - 1,
    stalls: injected.stall ?? 0,
    messagesPerSecond: (sent * 1000) / simulatedMs,
  }
}

/** What a shorter patience costs: how many stalls of the leader end in an election. */
async function leaderStalls(tuning, stallMs) {
  const everyMs = 10 * timing.electionTimeoutMs[1] + 5_000
  const actions = Array.from({ length: stallsOfLeader }, (_, stall) => ({
    at: 20_000 + stall * everyMs + ((stall * 0.618_034) % 1) * timing.heartbeatMs,
    type: 'stall',
    process: '@raft',
    forMs: stallMs,
  }))
  const plan = detectionPlan({
    seed,
    timing,
    tuning,
    simulatedMs: 20_000 + stallsOfLeader * everyMs,
    actions,
  })
  const { raftElections } = await watch(plan, ['led'], [], () => undefined)
  return (raftElections - 1) / stallsOfLeader
}

const begun = now()
const rows = []
for (const tuning of tunings) {
  const electionsPerLeaderStall = {}
  for (const stallMs of leaderStallsMs) electionsPerLeaderStall[stallMs] = await leaderStalls(tuning, stallMs)
  rows.push({ tuning, ...(await deaths(tuning)), ...(await followerStalls(tuning)), electionsPerLeaderStall })
  process.stderr.write(`${tuning}: done after ${round((now() - begun) / 1000)} s\n`)
}
const [fixed, adaptive] = rows
const detectors = compareDetectors(seed)
const reduction = 1 - adaptive.detectionMs.mean / fixed.detectionMs.mean
const electedReduction = 1 - adaptive.electedMs.mean / fixed.electedMs.mean
const extraElections = adaptive.falseElections - fixed.falseElections
const met = reduction >= goal.reduction && extraElections <= goal.extraElections
const result = {
  ...heading('bench:detection'),
  ...{ wallMs: now() - begun, seed, timing, trials, hours, followerStallMs, rows, detectors },
  ...{ reduction, electedReduction, extraElections, goal, met },
}
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`)
else process.stdout.write(`${tables()}\n`)
if (values.check && !met) process.exitCode = 1

function tables() {
  const silent = markdownTable(
    ['tuning', 'noticed: p50', 'p99', 'mean', 'next leader: p50', 'p99', 'mean'],
    rows.map(({ tuning, detectionMs, electedMs }) => [
      `\`${tuning}\``,
      ...[detectionMs, electedMs].flatMap(({ p50, p99, mean }) =>
        [p50, p99, mean].map((ms) => `${round(ms, 0)} ms`),
      ),
    ]),
  )
  const false24 = markdownTable(
    ['tuning', 'stalls of followers', 'false elections', 'messages a second'],
    rows.map(({ tuning, stalls, falseElections, messagesPerSecond }) => [
      `\`${tuning}\``,
      String(stalls),
      String(falseElections),
      round(messagesPerSecond, 0),
    ]),
  )
  const leader = markdownTable(
    ['tuning', ...leaderStallsMs.map((ms) => `${ms} ms`)],
    rows.map(({ tuning, electionsPerLeaderStall }) => [
      `\`${tuning}\``,
      ...leaderStallsMs.map((ms) => `${round(electionsPerLeaderStall[ms] * 100, 0)} %`),
    ]),
  )
  const compared = markdownTable(
    ['weather', ...(detectors[0]?.detectors ?? []).map(({ detector }) => detector)],
    detectors.map((each) => [
      each.weather,
      ...each.detectors.map(
        ({ silenceMs, mistakesPerHour }) => `${round(silenceMs, 0)} ms, ${round(mistakesPerHour, 1)}`,
      ),
    ]),
  )
  return [
    silent,
    `Noticed ${round(reduction * 100)} % sooner, replaced ${round(electedReduction * 100)} % sooner (goal: at least ${goal.reduction * 100} %).`,
    false24,
    `Extra false elections in ${String(hours)} simulated hours: ${extraElections} (goal: ${goal.extraElections}).`,
    `Stalls of the leader that cost an election:\n\n${leader}`,
    `Mean silence that is suspicious, and mistakes an hour, with a beat each 100 ms:\n\n${compared}`,
    `\`${repeatable('bench:detection')}\`, in ${round(result.wallMs / 1000, 0)} s.`,
  ].join('\n\n')
}
