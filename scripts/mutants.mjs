// `npm run mutants`: plants the bugs of mutants/ one at a time, asks the schedules and the seeds who sees them, and writes
// the table of docs/verification.md. `-- --only NAME,NAME` scores these and leaves the other rows; `-- --report FILE`
// takes what `mandate simulate --mutants --json` printed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const page = join(root, 'docs/verification.md')
const [BEGIN, END] = ['<!-- planted bugs: written by `npm run mutants` -->', '<!-- end of planted bugs -->']
const ROW = /^\| `(?<name>[a-z0-9-]+)` \| (?<claim>.*) \| (?<seen>.*) \| (?<seed>.*) \|$/gm

/** The rows of the table in `text`, by name. */
export function rowsOf(text) {
  const [, rest = ''] = text.split(BEGIN)
  const [table = ''] = rest.split(END)
  return new Map([...table.matchAll(ROW)].map(({ groups }) => [groups.name, groups]))
}

/** `text` with these scores in its table; of the rows that it has already, those of `names` stay. */
export function withScores(text, scores, names) {
  const [before, rest] = text.split(BEGIN)
  const [, after] = rest?.split(END) ?? []
  if (after === undefined)
    throw new Error(`docs/verification.md has no place for the table: ${BEGIN} … ${END}`)
  const rows = rowsOf(text)
  for (const score of scores) rows.set(score.name, rowOf(score))
  const kept = names.filter((name) => rows.has(name)).map((name) => rows.get(name))
  return `${before}${BEGIN}\n\n${summaryOf(kept)}\n\n${tableOf(kept)}\n\n${END}${after}`
}

function rowOf({ name, claim, by, seedInvariant, firstSeed, seedsTried }) {
  const schedule = by?.startsWith('schedule:') ? `schedule \`${by.slice('schedule:'.length)}\`` : null
  const invariant = seedInvariant === null ? null : `\`${seedInvariant}\``
  const seen = [schedule, invariant].filter((one) => one !== null).join(', ') || '**nobody**'
  return { name, claim, seen, seed: firstSeed ?? `none of ${seedsTried}` }
}

function summaryOf(rows) {
  const seeds = rows.map(({ seed }) => Number(seed)).filter((seed) => Number.isInteger(seed))
  const median = seeds.toSorted((a, b) => a - b)[Math.floor((seeds.length - 1) / 2)] ?? 0
  const missed = rows.filter(({ seen }) => seen === '**nobody**').length
  const scheduled = rows.filter(({ seen }) => seen.startsWith('schedule')).length
  return (
    `${rows.length - missed} of ${rows.length} are seen: ${scheduled} by a scripted schedule, ${seeds.length} by one of the first seeds ` +
    `(the median is seed ${median}). \`none of N\` means that N seeds were tried and saw nothing.`
  )
}

function tableOf(rows) {
  const lines = rows.map(({ name, claim, seen, seed }) => `| \`${name}\` | ${claim} | ${seen} | ${seed} |`)
  return ['| bug | claim that it breaks | seen by | seed |', '|---|---|---|---|', ...lines].join('\n')
}

async function main() {
  const { values } = parseArgs({ options: { only: { type: 'string' }, report: { type: 'string' } } })
  const { scoreMutants } = await import('../dist/simulator/mutants/score.js')
  const report =
    values.report === undefined
      ? await scoreMutants({ only: values.only?.split(',') })
      : JSON.parse(readFileSync(values.report, 'utf8'))
  const names = readdirSync(join(root, 'mutants')).map((file) => basename(file, '.ts'))
  writeFileSync(page, withScores(readFileSync(page, 'utf8'), report.mutants, names.toSorted()))
  process.stdout.write(`${report.caught} of ${report.total} planted bugs seen\n`)
  for (const name of report.missed) process.stdout.write(`missed: ${name}\n`)
  if (!report.cleanPasses) process.stdout.write('the program without a bug FAILS\n')
  if (report.missed.length > 0 || !report.cleanPasses) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
