// The rows of `bench:failover` as text for a terminal and as Markdown for docs/performance.md.
import { trialsForP99 } from './failover-rows.mjs'
import { markdownTable, provenance, round } from './figures.mjs'

const wanted = ({ p50, p99, mean, falseElections }) =>
  [
    p50 === null ? null : `p50 ${p50}`,
    p99 === null ? null : `p99 ${p99}`,
    mean === null ? null : `mean ${mean}`,
    falseElections === null ? null : `${falseElections} false`,
  ]
    .filter((text) => text !== null)
    .join(', ') || '-'

const verdict = ({ met, missed, unjudged, goal }) => {
  if (!met) return `no: ${missed.join('; ')}`
  if (Object.values(goal).every((figure) => figure === null)) return '-'
  return unjudged.length === 0 ? 'yes' : `yes; not judged: ${unjudged.join(', ')}`
}

/** One line when a row is done. */
export function textLine(row) {
  const { p50, p90, p99, max, mean } = row.failoverMs
  const figures = Object.entries({ p50, p90, p99, max, mean }).map(
    ([name, ms]) => `${name} ${round(ms).padStart(6)}`,
  )
  const quiet =
    row.falseElections === null
      ? ''
      : `, ${row.falseElections} false elections in ${Math.round(row.quietMs / 1000)} s`
  const run = row.electedMs === null ? '' : `, elected p50 ${round(row.electedMs.p50)}`
  return (
    `${row.label.padEnd(38)} n ${String(row.completed).padStart(4)}  ${figures.join('  ')} ms  (goal ${wanted(row.goal)}: ` +
    `${verdict(row)})\n${' '.repeat(38)} led Raft ${row.victimLedRaft}, RSS ${round(row.victimRssMiB, 0)} MiB, ` +
    `overlap ${round(row.overlapMs, 3)} ms, token regressions ${row.tokenRegressions ?? '-'}, fsync p50 ` +
    `${round(row.fsyncMs?.p50 ?? null, 2)} p99 ${round(row.fsyncMs?.p99 ?? null, 2)} ms${quiet}${run}\n`
  )
}

export function markdown(result, command) {
  const { rows, machine, at } = result
  const ms = (value) => round(value, value !== null && value >= 100 ? 0 : 1)
  const main = markdownTable(
    ['case', 'trials', 'p50', 'p90', 'p99', 'max', 'mean', 'goal', 'met'],
    rows.map(({ label, completed, trials, failoverMs: f, ...row }) => [
      ...[label, completed === trials ? trials : `${completed} of ${trials}`],
      ...[f.p50, f.p90, f.n < trialsForP99 ? null : f.p99, f.max, f.mean].map(ms),
      ...[wanted(row.goal), verdict(row)],
    ]),
  )
  const details = markdownTable(
    [
      'case',
      'victim led Raft: n, p50, max',
      'did not: n, p50, max',
      'RSS of the victim',
      'fsync p50 / p99',
      'two led at once',
      'token regressions',
    ],
    rows.map(({ label, failoverMsByVictim: { ledRaft, didNotLeadRaft }, ...row }) => [
      label,
      ...[ledRaft, didNotLeadRaft].map(({ n, p50, max }) => (n === 0 ? '-' : `${n}, ${ms(p50)}, ${ms(max)}`)),
      `${round(row.victimRssMiB, 0)} MiB`,
      row.fsyncMs === null ? '-' : `${round(row.fsyncMs.p50, 2)} / ${round(row.fsyncMs.p99, 2)} ms`,
      row.overlapMs === null
        ? '-'
        : `${round(row.overlapMs, row.overlapMs === 0 ? 0 : 1)} ms in ${row.leaderships} leaderships`,
      row.tokenRegressions ?? '-',
    ]),
  )
  const quiet = rows.filter(({ quietMs }) => quietMs !== null)
  const silence = quiet.map(
    ({ label, quietMs, falseElections, falseTakeovers }) =>
      `- ${label}: ${falseElections} false elections of Raft and ${falseTakeovers} takeovers from a live leader in ` +
      `${(quietMs / 60_000).toFixed(1)} quiet minutes.`,
  )
  const run = rows.filter(({ kind }) => kind === 'run')
  const elected = run.map(
    ({ label, electedMs: { p50, p99 }, failoverMs }) =>
      `- ${label}: elected p50 ${ms(p50)}, p99 ${ms(p99)} ms; the command's first line p50 ${ms(failoverMs.p50)} ms.`,
  )
  const loads = rows.flatMap(({ loadAverage }) => loadAverage)
  return [provenance(command, machine, loads, at), '', main, '', details, '', ...silence, ...elected]
    .join('\n')
    .trimEnd()
}
