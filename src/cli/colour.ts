/** Colour for people: only on a terminal, and never with NO_COLOR (no-color.org: set and not empty). */
import { isatty } from 'node:tty'

export interface Palette {
  dim(text: string): string
  bold(text: string): string
  green(text: string): string
  yellow(text: string): string
  red(text: string): string
}

export function paletteFor(descriptor: number, env: NodeJS.ProcessEnv): Palette {
  const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb' || !isatty(descriptor)
  const paint = (code: number, end: number) => (text: string) =>
    plain ? text : `\u001b[${code}m${text}\u001b[${end}m`
  return {
    dim: paint(2, 22),
    bold: paint(1, 22),
    green: paint(32, 39),
    yellow: paint(33, 39),
    red: paint(31, 39),
  }
}
