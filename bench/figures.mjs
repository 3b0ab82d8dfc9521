// Numbers of samples, of this machine, and the instant they share.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** CLOCK_MONOTONIC in ms: the same for all processes of one machine. */
export const now = () => Number(process.hrtime.bigint()) / 1e6
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const load = () => loadavg()[0]

/** Nearest rank; all but `n` are null without samples. */
export function distribution(samples) {
  const n = samples.length
  if (n === 0) return { n, min: null, p50: null, p90: null, p99: null, max: null, mean: null }
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (q) => sorted[Math.max(0, Math.ceil(q * n) - 1)]
  return {
    n,
    min: sorted[0],
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: sorted[n - 1],
    mean: samples.reduce((a, b) => a + b) / n,
  }
}

export const median = (samples) => distribution(samples).p50

export function machine() {
  return {
    node: process.version,
    os: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 1024 / 1024),
  }
}

/** What every object on stdout begins with. */
export function heading(command) {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return { schemaVersion: 1, command, version: manifest.version }
}

/** Resident memory of a process in MiB; null where there is no /proc, or no process. */
export function rssMiB(pid) {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return kib === undefined ? null : Number(kib) / 1024
  } catch {
    return null
  }
}

export function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(64)
}

/** Takes one line of text at a time out of a stream. */
export function eachLine(stream, take) {
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
}

export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const round = (value, digits = 1) => (value === null ? '-' : value.toFixed(digits))

/** The line that repeats this run. Where its records went is nobody else's concern. */
export function repeatable(script) {
  const words = process.argv.slice(2)
  const raw = words.indexOf('--raw')
  if (raw !== -1) words.splice(raw, 2)
  const quoted = words.map((word) => (/\s/.test(word) ? `'${word}'` : word))
  return [`npm run --silent ${script} --`, ...quoted].join(' ')
}

/** The lines under a published table: what a reader needs to judge it. */
export function provenance(command, { node, os, cpu, cores, memoryMiB }, loads, at) {
  const range = `${Math.min(...loads).toFixed(2)}-${Math.max(...loads).toFixed(2)}`
  return (
    `\`${command}\`, ${new Date(at).toISOString().slice(0, 16)}Z, Node ${node}, ${os}, ${cpu}, ${cores} cores, ` +
    `${memoryMiB} MiB. Load average while it ran: ${range}${Math.min(...loads) > cores ? ' (a busy machine: read it as an upper bound)' : ''}.`
  )
}
