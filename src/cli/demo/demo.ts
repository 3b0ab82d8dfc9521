/** `mandate demo`: a real cluster on this machine is elected, killed, paused and resumed, and measured. */
import { existsSync, readdirSync } from 'node:fs'
import type { Exclusivity } from '../../backends/backend.ts'
import { MandateError } from '../../errors.ts'
import { resolveTiming } from '../../lease/timing.ts'
import { version } from '../../version.ts'
import { paletteFor } from '../colour.ts'
import type { CommandContext } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import { sum } from './audit.ts'
import { DemoCluster } from './cluster.ts'
import { EventLog } from './event-log.ts'
import { Interrupted, interruption } from './interruption.ts'
import type { Interruption } from './interruption.ts'
import { demoOptions } from './options.ts'
import type { DemoOptions } from './options.ts'
import { canGoLive } from './live/screen.ts'
import { eventsKept, live } from './live/live.ts'
import type { LiveEnd } from './live/live.ts'
import { nextCommands } from './next.ts'
import {
  chapterTitle,
  lastLine,
  measuredTable,
  noteLine,
  opening,
  stepLine,
  takeoverTable,
} from './report.ts'
import { brokenPromises } from './result.ts'
import type { DemoResult } from './result.ts'
import { Story } from './story.ts'
import type { Chapter } from './story.ts'

export async function demo(context: CommandContext): Promise<number> {
  const options = demoOptions(context)
  if (process.platform === 'win32') {
    const message = 'The demo stops and resumes processes, which Windows cannot; the library works there.'
    throw new MandateError('UNSUPPORTED', message, { feature: 'demo' })
  }
  const stop = interruption()
  const terminal = { input: process.stdin, output: process.stdout, env: process.env }
  const isLive = !options.json && canGoLive(terminal)
  const log = new EventLog(options.raw, isLive ? eventsKept : undefined)
  try {
    if (isLive) return farewell(await live(options, log, stop))
    return conclude(await play(options, log, stop), options)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    if (!options.json) printError(`mandate: ${error.message}; every process of the demo was ended`)
    return error.exitCode
  } finally {
    log.close()
    stop.dispose()
  }
}

/** @throws Interrupted, after everything was ended */
async function play(options: DemoOptions, log: EventLog, stop: Interruption): Promise<DemoResult> {
  const beginMs = performance.now()
  const timing = resolveTiming(options.timing)
  const modes: readonly Exclusivity[] =
    options.exclusivity === 'both' ? ['time', 'token'] : [options.exclusivity]
  const say = speaker(options, stop)
  const palette = paletteFor(options.json ? 2 : 1, process.env)
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, options.peers)
  const cluster = await DemoCluster.start({ ids, timing, restarts: modes.length, log, stop: stop.signal })
  const chapters: Chapter[] = []
  try {
    say(opening(options, timing, cluster.peers))
    for (const exclusivity of modes) {
      say(chapterTitle(exclusivity, palette))
      const chapter = await new Story({
        cluster,
        log,
        exclusivity,
        timing,
        stop: stop.signal,
        told: (step) => say(stepLine(step, performance.now() - beginMs, palette)),
        noted: (text) => say(noteLine(text, performance.now() - beginMs, palette)),
      }).play()
      chapters.push(chapter)
      if (chapter.steps.some(({ ok }) => !ok)) break
    }
  } finally {
    await cluster.end()
  }
  const steps = chapters
    .flatMap((chapter) => chapter.steps)
    .map((step) => ({ ...step, failoverMs: step.failoverMs === null ? null : toMicros(step.failoverMs) }))
  const result = {
    wallMs: toMicros(performance.now() - beginMs),
    exclusivity: options.exclusivity,
    peers: options.peers,
    timing,
    steps,
    tokens: log.of('leads').map(({ token }) => token),
    ledger: sum(chapters.map(({ ledger }) => ledger)),
    overlapMs: chapters.reduce((total, chapter) => total + chapter.overlapMs, 0),
    staleWriteRefused: steps.filter(({ step, ok }) => step === 'stale-write' && ok).length === modes.length,
    leftover: leftover(cluster),
  }
  return { ok: brokenPromises(result).length === 0, ...result }
}

/** What lies behind the third digit of a millisecond is noise. */
function toMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

function conclude(result: DemoResult, { json }: DemoOptions): number {
  if (json) printJson('demo', version, result)
  else {
    print(`\n${measuredTable(result.steps)}\n`)
    for (const broken of brokenPromises(result)) printError(`mandate: ${broken}`)
    print(lastLine(result))
    if (process.stdout.isTTY) print(`\n${next()}`)
  }
  return result.ok ? exitCode.done : exitCode.negative
}

/** What stays in the terminal after the screen is given back. */
function farewell({ state, ledger }: LiveEnd): number {
  const { takeovers } = state
  if (takeovers.length > 0) print(`${takeoverTable(takeovers)}\n`)
  print(lastLine({ ledger }))
  print(`\n${next()}`)
  return ledger.duplicates + ledger.gaps === 0 ? exitCode.done : exitCode.negative
}

function next(): string {
  return nextCommands(process.argv[1] ?? 'mandate', process.cwd())
}

/** With `--json` stdout holds nothing but the object, and a script's stderr stays quiet. */
function speaker({ json }: DemoOptions, stop: Interruption): (line: string) => void {
  if (!json)
    return (line) => {
      if (print(line) === 'closed') stop.outputClosed()
    }
  return process.stderr.isTTY ? printError : () => undefined
}

function leftover(cluster: DemoCluster): number {
  const files = existsSync(cluster.folder) ? readdirSync(cluster.folder, { recursive: true }).length + 1 : 0
  return files + cluster.pids.filter(isThere).length
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
