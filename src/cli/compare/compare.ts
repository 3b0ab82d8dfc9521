/** `mandate compare`: the embedded engines under the same schedule of faults, side by side. */
import type { Contender } from '../../compare/contenders.ts'
import type { ComparedMode, ComparedRow } from '../../compare/row.ts'
import { simulatedRow } from '../../compare/simulated-row.ts'
import { MandateError } from '../../errors.ts'
import { version } from '../../version.ts'
import type { CommandContext } from '../command.ts'
import { Interrupted, interruption } from '../demo/interruption.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import { compareOptions, type CompareOptions } from './options.ts'
import { processRow } from './process-row.ts'
import { report } from './report.ts'

export async function compare(context: CommandContext): Promise<number> {
  const options = compareOptions(context)
  if (options.environments.includes('processes') && process.platform === 'win32') {
    const message = 'compare stops and resumes processes, which Windows cannot: use --environment simulator.'
    throw new MandateError('UNSUPPORTED', message, { feature: 'compare --environment processes' })
  }
  const stop = interruption()
  try {
    const beganAt = performance.now()
    const rows = await play(options, stop.signal)
    const wallMs = Math.round(performance.now() - beganAt)
    if (options.json) printJson('compare', version, { wallMs, seed: String(options.seed), rows })
    else print(report(rows, options))
    return exitCode.done
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    if (!options.json) printError(`mandate: ${error.message}; every process of the comparison was ended`)
    return error.exitCode
  } finally {
    stop.dispose()
  }
}

/** One after the other: clusters that share the processors would measure each other. */
async function play(options: CompareOptions, stop: AbortSignal): Promise<readonly ComparedRow[]> {
  const rows: ComparedRow[] = []
  for (const environment of options.environments) {
    for (const { contender, exclusivity } of entries(options)) {
      if (process.stderr.isTTY) printError(`mandate: ${environment}: ${contender.name}, ${exclusivity}`)
      const schedule = options[environment]
      rows.push(
        environment === 'simulator'
          ? await simulatedRow(contender, exclusivity, schedule)
          : await processRow(contender, exclusivity, schedule, stop),
      )
      // The simulator keeps the event loop for itself, so a signal is seen between two rows.
      await new Promise((resolve) => setImmediate(resolve))
      stop.throwIfAborted()
    }
  }
  return rows
}

function entries({
  contenders,
}: CompareOptions): readonly { readonly contender: Contender; readonly exclusivity: ComparedMode }[] {
  return contenders.flatMap((contender) =>
    contender.exclusivity.map((exclusivity) => ({ contender, exclusivity })),
  )
}
