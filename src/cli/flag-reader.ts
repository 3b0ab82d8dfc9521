/** Flags of commands without a backend, each also as a variable (INTERFACES §2). */
import type { CommandContext } from './command.ts'

export interface FlagReader {
  /** What no flag and no variable could be read as, a line each. */
  readonly problems: string[]
  /** `parse` answers with the value, or with a text that says what is wrong. */
  read<Value>(name: string, parse: (text: string) => Value | string, fallback: Value): Value
}

export function flagReader({ flags, env }: Pick<CommandContext, 'flags' | 'env'>): FlagReader {
  const problems: string[] = []
  return {
    problems,
    read(name, parse, fallback) {
      const flag = flags[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())]
      const variable = `MANDATE_${name.toUpperCase().replaceAll('-', '_')}`
      const text = typeof flag === 'string' ? flag : env[variable] || undefined
      if (text === undefined) return fallback
      const value = parse(text)
      if (typeof value !== 'string' || typeof fallback === 'string') return value as typeof fallback
      problems.push(`${typeof flag === 'string' ? `--${name}` : variable}: ${value}`)
      return fallback
    },
  }
}

export function wholeNumber(text: string, least: number, most: number): number | string {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  return `'${text}' is no whole number of ${least} to ${most}`
}
