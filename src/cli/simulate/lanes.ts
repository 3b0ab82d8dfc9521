/** Events side by side: one column for each process, time downwards. */
import type { Line } from '../../simulator/sweep/summary.ts'
import { table } from '../table.ts'

/** Older ones are left to the seed: nobody reads more, and a terminal has only so many lines. */
const linesMax = 40
const cellMax = 34

export function laneTable(lines: readonly Line[], most = linesMax): string {
  const shown = lines.slice(-most)
  const actors = [...new Set(shown.map(({ actor }) => actor))].toSorted()
  const rows = shown.flatMap((line) => rowsOf(line, actors))
  const left = lines.length - shown.length
  const note = left > 0 ? [`(${left} earlier events of this excerpt are left out)`] : []
  return [...note, table(['ms', ...actors.map((actor) => actor || 'world')], rows)].join('\n')
}

export function lineText({ atMs, actor, text }: Line): string {
  return `${atMs.toFixed(3)} ${actor || 'world'}: ${text}`
}

/** A long text goes on in the lines below, in its own column. */
function rowsOf({ atMs, actor, text }: Line, actors: readonly string[]): string[][] {
  const place = actors.indexOf(actor)
  return wrapped(text).map((part, index) => [
    index === 0 ? atMs.toFixed(3) : '',
    ...actors.map((_, column) => (column === place ? part : '')),
  ])
}

function wrapped(text: string): string[] {
  const parts: string[] = []
  for (let rest = text; rest.length > 0;) {
    const blank = rest.length <= cellMax ? rest.length : rest.lastIndexOf(' ', cellMax)
    const end = blank > cellMax / 2 ? blank : Math.min(cellMax, rest.length)
    parts.push((parts.length === 0 ? '' : '  ') + rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return parts.length === 0 ? [''] : parts
}
