/** A line of the screen: pieces of text with a tone, measured before they are coloured. */
import type { Palette } from '../../colour.ts'
import type { Tone } from './state.ts'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

export type Line = readonly Span[]

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone }
}

/** Every character that the demo prints is one column wide. */
export function widthOf(line: Line): number {
  return line.reduce((width, { text }) => width + text.length, 0)
}

export function plain(line: Line): string {
  return line.map(({ text }) => text).join('')
}

export function clip(line: Line, columns: number): Line {
  const clipped: Span[] = []
  let left = columns
  for (const { text, tone } of line) {
    if (left <= 0) break
    clipped.push({ text: text.slice(0, left), tone })
    left -= text.length
  }
  return clipped
}

/** The second part stands at the right edge. */
export function spread(left: Line, right: Line, columns: number): Line {
  const gap = columns - widthOf(left) - widthOf(right)
  return gap < 1 ? left : [...left, span(' '.repeat(gap)), ...right]
}

export function paint(line: Line, palette: Palette): string {
  return line
    .map(({ text, tone }) => {
      switch (tone) {
        case 'plain':
          return text
        case 'dim':
          return palette.dim(text)
        case 'bold':
          return palette.bold(text)
        case 'good':
          return palette.bold(palette.green(text))
        case 'warn':
          return palette.yellow(text)
        case 'bad':
          return palette.bold(palette.red(text))
        default:
          return tone satisfies never
      }
    })
    .join('')
}
