/** `mandate simulate --mutants`: known bugs, planted one at a time; the checks must see each. Needs a clone. */
import { scoreMutants } from '../../simulator/mutants/score.ts'
import { version } from '../../version.ts'
import type { Interruption } from '../demo/interruption.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import type { SimulateOptions } from './options.ts'

export async function mutants(options: SimulateOptions, stop: Interruption): Promise<number> {
  const report = await scoreMutants({
    seeds: options.seeds ?? undefined,
    firstSeed: Number(options.firstSeed),
    parallel: options.workers,
    progress: (line) => printError(line),
    signal: stop.signal,
  })
  if (options.json) printJson('simulate', version, report)
  else {
    const { caught, total, missed, medianSeeds, cleanPasses } = report
    print(
      `caught ${caught} of ${total} planted bugs, median ${medianSeeds} seeds; the program without them ${cleanPasses ? 'passes' : 'FAILS'}`,
    )
    for (const name of missed) print(`missed: ${name}`)
  }
  return report.missed.length === 0 && report.cleanPasses ? exitCode.done : exitCode.negative
}
