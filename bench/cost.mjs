// What the library costs: a call, an import, an idle peer, a grant (`npm run bench:cost`).
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureGrants, measureIdle } from './cost-idle.mjs'
import { measureImport } from './cost-import.mjs'
import { markdown, text } from './cost-tables.mjs'
import { fail, heading, load, machine, now, repeatable } from './figures.mjs'
import { measureEtcdGrants } from './peers-etcd.mjs'

const usage = `npm run --silent bench:cost -- [options]
  --quick      shorter samples: shows that it works, not what it costs
  --json       one object on stdout; --markdown: tables for docs/performance.md
  --check      exit 1 if a goal was missed`

const off = { type: 'boolean', default: false }

function read() {
  try {
    return parseArgs({ options: { quick: off, json: off, markdown: off, check: off, help: off } }).values
  } catch (error) {
    return fail(`${error.message}\n${usage}`)
  }
}

const values = read()
if (values.help) {
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}
const size = values.quick
  ? { rounds: 400_000, runs: 1, idleMs: 500, warmMs: 1000, held: 100, grantMs: 100, settleMs: 200 }
  : {
      rounds: 2_000_000,
      runs: 31,
      idleMs: 20_000,
      warmMs: 180_000,
      held: 10_000,
      grantMs: 5000,
      settleMs: 2000,
    }
const concurrencies = values.quick ? [1, 256] : [1, 16, 256]
const say = (line) => process.stderr.write(`${line}\n`)

function measureValidity(rounds) {
  const script = fileURLToPath(new URL('cost-valid.mjs', import.meta.url))
  const memory = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  return JSON.parse(execFileSync(process.execPath, [...memory, script, String(rounds)], { encoding: 'utf8' }))
}

const at = Date.now()
const begun = now()
const loads = [load()]
async function step(what, measure) {
  say(`${what} (load average ${load().toFixed(2)})`)
  const result = await measure()
  loads.push(load())
  return result
}

say(`about ${values.quick ? '8 s' : '5 min'}, longer on a busy machine`)
const result = {
  ...heading('bench:cost'),
  ...{ machine: machine(), at },
  ...(await step('isValid()', () => measureValidity(size.rounds))),
  ...(await step("import 'mandate'", () => measureImport({ runs: size.runs }))),
  ...(await step('idle peers', () => measureIdle({ ...size, ms: size.idleMs }))),
  grants: await step('grants', () => measureGrants({ ...size, ms: size.grantMs, concurrencies })),
  etcdGrants: await step('grants of etcd', () => measureEtcdGrants({ ms: size.grantMs, concurrencies, say })),
}
Object.assign(result, { loadAverage: loads, wallMs: now() - begun }, judge(result))

/** Goals: see docs/performance.md. Null: not measured here. */
function judge({
  isValidNs,
  isValidBytesPerCall,
  importOverEmptyMs,
  idleCpuPercent,
  idleCpuPercentHeld,
  grants,
  etcdGrants,
}) {
  const most = (list, concurrency) =>
    Math.max(...list.filter((each) => each.concurrency === concurrency).map((each) => each.perSecond))
  const busiest = (cpu) => Math.max(...Object.values(cpu).filter((percent) => percent !== null))
  const goals = [
    ['isValid() <= 200 ns', isValidNs <= 200],
    ['isValid() 0 bytes', isValidBytesPerCall < 0.01],
    ["import 'mandate' <= 30 ms over an empty script", importOverEmptyMs <= 30],
    ['idle peer < 1 % of a core', busiest(idleCpuPercent) < 1],
    // "Unchanged" within what two samples of the same thing differ by.
    [
      'idle peer unchanged by held elections',
      busiest(idleCpuPercentHeld) < Math.max(1, busiest(idleCpuPercent) + 0.3),
    ],
    [
      'grants at 256 concurrent >= etcd',
      etcdGrants === null ? null : most(grants, 256) >= most(etcdGrants, 256),
    ],
  ].map(([goal, met]) => ({ goal, met }))
  return { goals, met: goals.every(({ met }) => met !== false) }
}

if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`)
else if (values.markdown) {
  process.stdout.write(`${markdown(result, repeatable('bench:cost'))}\n`)
} else process.stdout.write(`${text(result)}\n`)
if (values.check && !result.met) process.exitCode = 1
