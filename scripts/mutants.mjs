// `npm run mutants`: plants the bugs of mutants/ one at a time, asks the schedules and the seeds who sees them, and writes
// the table of docs/verification.md. `--report FILE` takes the JSON of an earlier `mandate simulate --mutants --json`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const page = join(root, 'docs/verification.md')
const [BEGIN, END] = ['<!-- planted bugs: written by `npm run mutants` -->', '<!-- end of planted bugs -->']

/** The page with this table in it. */
export function withTable(text, report) {
  const [before, rest] = text.split(BEGIN)
  const [, after] = rest?.split(END) ?? []
  if (after === undefined)
    throw new Error(`docs/verification.md has no place for the table: '${BEGIN}' … '${END}'`)
  return `${before}${BEGIN}\n${tableOf(report)}\n${END}${after}`
}

function tableOf({ total, caught, medianSeeds, cleanPasses, wallMs, mutants }) {
  const seen = mutants.filter(({ firstSeed }) => firstSeed !== null).length
  const minutes = (wallMs / 60_000).toFixed(1)
  const summary =
    `${caught} of ${total} caught: ${count(mutants, 'schedule:')} by a scripted schedule, ${seen} by seeds, for which the median ` +
    `seed is number ${medianSeeds}. The code without a bug ${cleanPasses ? 'passes' : 'FAILS'} the same schedules and seeds. ` +
    `${minutes} minutes.`
  const rows = mutants.map((one) => `| \`${one.name}\` | ${one.claim} | ${sawIt(one)} | ${seedsOf(one)} |`)
  return [
    '',
    summary,
    '',
    '| bug | claim that it breaks | seen by | seed |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function count(mutants, prefix) {
  return mutants.filter(({ by }) => by?.startsWith(prefix)).length
}

function sawIt({ by, seedInvariant }) {
  const schedule = by?.startsWith('schedule:') ? `schedule \`${by.slice('schedule:'.length)}\`` : null
  const invariant = seedInvariant === null ? null : `\`${seedInvariant}\``
  return [schedule, invariant].filter((one) => one !== null).join(', ') || '**nobody**'
}

function seedsOf({ firstSeed, seedsTried }) {
  return firstSeed ?? `none of ${seedsTried}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { report: { type: 'string' } } })
  const report = values.report === undefined ? await score() : JSON.parse(readFileSync(values.report, 'utf8'))
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), report))
  process.stdout.write(`${report.caught} of ${report.total} planted bugs caught\n`)
  if (report.missed.length > 0 || !report.cleanPasses) process.exitCode = 1
}

async function score() {
  const { scoreMutants } = await import('../dist/simulator/mutants/score.js')
  return scoreMutants()
}
