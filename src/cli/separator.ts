/** The `--` before a wrapped command: required, because only then is it clear whose a flag is. */
import { UsageError } from './exit-codes.ts'

export interface SplitArguments {
  /** For our own parser. */
  readonly own: readonly string[]
  readonly command: readonly [string, ...string[]]
}

/** Where our own arguments end. */
export function separatorIndex(args: readonly string[]): number {
  const index = args.indexOf('--')
  return index === -1 ? args.length : index
}

/**
 * Splits `run NAME … -- command …`.
 * @throws UsageError with the line as it should be
 */
export function splitCommand(args: readonly string[], takesValue: (flag: string) => boolean): SplitArguments {
  const separator = args.indexOf('--')
  if (separator === -1) throw new UsageError(withoutSeparator(args, takesValue))
  const [file, ...rest] = args.slice(separator + 1)
  const own = args.slice(0, separator)
  if (file === undefined)
    throw new UsageError(`The command is missing. Write it after '--':\n  ${line(own, ['<command>', '…'])}`)
  return { own, command: [file, ...rest] }
}

function withoutSeparator(args: readonly string[], takesValue: (flag: string) => boolean): string {
  // The first operand is the election's name, the second one where the command begins.
  const operands: number[] = []
  for (let index = 0; index < args.length && operands.length < 2; index++) {
    const argument = args[index] ?? ''
    if (!argument.startsWith('-') || argument === '-') operands.push(index)
    else if (!argument.includes('=') && takesValue(argument)) index++
  }
  const [nameAt, commandAt] = operands
  if (nameAt === undefined) {
    return `The election's name and the command are missing:\n  ${line([...args, '<name>'], ['<command>', '…'])}`
  }
  if (commandAt === undefined)
    return `The command is missing. Write it after '--':\n  ${line(args, ['<command>', '…'])}`
  return `'--' is missing before the command:\n  ${line(args.slice(0, commandAt), args.slice(commandAt))}`
}

function line(own: readonly string[], command: readonly string[]): string {
  return ['mandate run', ...own.map(quote), '--', ...command.map(quote)].join(' ')
}

/** For a shell to read again: the line is meant to be pasted. */
export function quote(word: string): string {
  return /^[\w@%+=:,./<>…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
