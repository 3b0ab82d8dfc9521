// What `bench:cost` measured, as text for a terminal and as Markdown for docs/performance.md.
import { markdownTable, provenance, round } from './figures.mjs'

const percent = ({ leader, follower, holder }) =>
  `${round(leader, 2)} % leads Raft, ${round(follower, 2)} % busiest other, ${round(holder, 2)} % holds the election`

function facts(result) {
  const goal = (text) => {
    const found = result.goals.find((each) => each.goal === text)
    if (found.met === null) return 'not measured'
    return found.met ? 'yes' : 'no'
  }
  return [
    ['`isValid()`', `${round(result.isValidNs, 0)} ns`, '<= 200 ns', goal('isValid() <= 200 ns')],
    ['allocated by `isValid()`', `${result.isValidBytesPerCall} bytes`, '0 bytes', goal('isValid() 0 bytes')],
    [
      "`import 'mandate'` over an empty script",
      `${round(result.importOverEmptyMs)} ms (${round(result.importMs)} - ${round(result.emptyMs)}), ${result.modulesLoaded} modules, ` +
        `${result.thirdPartyModules.length} of them third-party`,
      '<= 30 ms',
      goal("import 'mandate' <= 30 ms over an empty script"),
    ],
    ['the same with `mandate/raft`', `${round(result.importRaftOverEmptyMs)} ms`, '-', '-'],
    [
      `CPU of an idle peer, \`default\`, after ${result.warmSeconds} s`,
      percent(result.idleCpuPercent),
      '< 1 % of a core',
      goal('idle peer < 1 % of a core'),
    ],
    [
      `the same in its first ${result.idleSeconds} s, mostly interpreted`,
      percent(result.idleCpuPercentAtFirst),
      '-',
      '-',
    ],
    [
      `the same with ${result.heldElections} held elections`,
      percent(result.idleCpuPercentHeld),
      'unchanged',
      goal('idle peer unchanged by held elections'),
    ],
    ['RSS of a peer (the largest)', `${round(result.rssMiB, 0)} MiB`, '-', '-'],
    [`the same with ${result.heldElections} held elections`, `${round(result.rssMiBHeld, 0)} MiB`, '-', '-'],
  ]
}

function grantRows({ grants, etcdGrants }) {
  const ours = grants.map((each) => [
    `mandate, in the ${each.where}`,
    each.concurrency,
    round(each.perSecond, 0),
    `${round(each.fsyncsPerGrant.raftLeader, 2)} on the Raft leader, ${round(each.fsyncsPerGrant.allPeers, 2)} on all three`,
  ])
  const theirs = (etcdGrants ?? []).map((each) => [
    'etcd, three servers',
    each.concurrency,
    round(each.perSecond, 0),
    '-',
  ])
  return [...ours, ...theirs]
}

const grantHead = ['who', 'concurrent elections', 'grants per second', 'fsyncs per grant']

export function markdown(result, command) {
  const { machine, at, loadAverage, etcdGrants } = result
  const parts = [
    provenance(command, machine, loadAverage, at),
    markdownTable(['what', 'measured', 'goal', 'met'], facts(result)),
    markdownTable(grantHead, grantRows(result)),
  ]
  if (etcdGrants === null) parts.push('etcd was not installed on this machine, so its row is missing.')
  return parts.join('\n\n')
}

export function text(result) {
  const lines = facts(result).map(
    ([what, measured, goal, met]) =>
      `${what.padEnd(42)} ${measured}${goal === '-' ? '' : `  (goal ${goal}: ${met})`}`,
  )
  return [...lines, ...grantRows(result).map((cells) => cells.join(', '))].join('\n')
}
