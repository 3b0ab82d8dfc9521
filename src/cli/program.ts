/** The command line: parsed by commander, ended by our own exit codes. */
import { Command, CommanderError, Option } from 'commander'
import { version } from '../version.ts'
import { commands } from './commands.ts'
import type { CommandAction, CommandSpec, ExtraFlag } from './command.ts'
import { exitCode, exitCodeOf, UsageError } from './exit-codes.ts'
import { explain } from './explain.ts'
import { separatorIndex, splitCommand } from './separator.ts'
import { settings } from './settings.ts'
import type { Setting } from './setting.ts'
import type { SignalInbox } from './signals.ts'
import { printError, writeFully } from './streams.ts'

/** Runs one command line; gives the exit code. Every error was printed, cause first, then fix. */
export async function main(args: readonly string[], inbox: SignalInbox | undefined): Promise<number> {
  try {
    return await dispatch(args, inbox)
  } catch (thrown) {
    // Help and version are thrown as well, after they were printed.
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCode.done
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return exitCode.usage
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown
    const code = exitCodeOf(error)
    if (args[0] === 'run') {
      const { endBeforeStart } = await import('./run-log.ts')
      await endBeforeStart(args.slice(1, separatorIndex(args)), process.env, code, explain(error))
    } else printError(explain(error))
    return code
  }
}

function usageError({ message }: CommanderError): UsageError {
  return new UsageError(`${message.replace(/^error: /, '')}\n  fix: see --help of the command`)
}

async function dispatch(args: readonly string[], inbox: SignalInbox | undefined): Promise<number> {
  let result: number | undefined
  const wraps = args[0] === 'run' && !asksForHelp(args)
  const { own, command } = wraps ? splitCommand(args.slice(1), takesValue) : { own: args, command: [] }
  const program = build(async (action, flags, operands) => {
    const load = await action()
    result = await load({ flags, operands, wrapped: command, env: process.env, cwd: process.cwd(), inbox })
  })
  if (args.length === 0) {
    program.outputHelp({ error: true })
    return exitCode.usage
  }
  await program.parseAsync(wraps ? ['run', ...own] : [...own], { from: 'user' })
  return result ?? exitCode.done
}

function asksForHelp(args: readonly string[]): boolean {
  return args.slice(0, separatorIndex(args)).some((argument) => argument === '--help' || argument === '-h')
}

/** Whether the word behind a flag of `run` belongs to it: needed to find where a command without `--` begins. */
function takesValue(flag: string): boolean {
  const own = Object.values(settings).find((setting) => setting.flag === flag)
  return own === undefined
    ? ['--backend', '--self', '--data', '--config'].includes(flag)
    : own.placeholder !== undefined
}

type Act = (
  action: () => Promise<CommandAction>,
  flags: Record<string, string | boolean | readonly string[] | undefined>,
  operands: readonly string[],
) => Promise<void>

function build(act: Act): Command {
  const program = new Command('mandate')
    .description('Leader election: exactly one of your replicas does the work.')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void writeFully(1, text),
      writeErr: (text) => void writeFully(2, text),
      // Told by `main`, like every other error.
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      `\nEvery flag has a variable: --on-loss is MANDATE_ON_LOSS; --id is MANDATE_CANDIDATE_ID.`,
    )
  for (const spec of commands) addCommand(program, spec, act)
  return program
}

function addCommand(program: Command, spec: CommandSpec, act: Act): void {
  const [first = '', second] = spec.usage.split(' ')
  // `config print` is a command in a command; operands are in brackets.
  const nested = second !== undefined && /^\w/.test(second)
  const parent = nested
    ? (program.commands.find((known) => known.name() === first) ?? program.command(first))
    : program
  if (nested) parent.description('settings: where they come from')
  const command = parent
    .command(nested ? spec.usage.slice(first.length + 1) : spec.usage)
    .description(spec.summary)
  for (const key of spec.settings)
    command.addOption(optionFor(withDefault(settings[key] as Setting<unknown>)))
  for (const extra of spec.extra) command.addOption(optionFor(extra))
  if (first === 'run') command.usage('<name> [options] -- <command> [arguments…]')
  const examples = spec.examples.map((example) => `  ${example}`).join('\n')
  if (examples !== '') command.addHelpText('after', `\nExamples:\n${examples}`)
  command.action(async (...given: unknown[]) => {
    const operands = command.processedArgs.filter((operand): operand is string => typeof operand === 'string')
    void given
    await act(() => spec.load(), command.opts(), operands)
  })
}

/** A setting's default, as a user would write it. */
function withDefault<Value>(setting: Setting<Value>): ExtraFlag {
  const { fallback, placeholder, help } = setting
  if (placeholder === undefined || fallback === undefined || fallback === null) return setting
  const shown = setting.show(fallback)
  return shown === '' ? setting : { ...setting, help: `${help} (default: ${shown})` }
}

function optionFor({ flag, placeholder, help }: ExtraFlag): Option {
  const option = new Option(placeholder === undefined ? flag : `${flag} ${placeholder}`, help)
  if (flag !== '--metadata') return option
  return option.argParser((value: string, earlier: readonly string[] | undefined) => [
    ...(earlier ?? []),
    value,
  ])
}

export { UsageError }
