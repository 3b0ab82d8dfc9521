/** What every command gets, and what it is described by. */
import type { Environment, Flags } from './config.ts'
import type { SettingKey } from './settings.ts'
import type { SignalInbox } from './signals.ts'

export interface CommandContext {
  readonly flags: Flags
  /** Positional arguments, checked for their number. */
  readonly operands: readonly string[]
  /** What follows `--`; for `run` only. */
  readonly wrapped: readonly string[]
  readonly env: Environment
  readonly cwd: string
  /** For `run`: installed before anything else. */
  readonly inbox: SignalInbox | undefined
}

/** Gives the exit code. */
export type CommandAction = (context: CommandContext) => Promise<number>

export interface ExtraFlag {
  readonly flag: string
  readonly placeholder?: string
  readonly help: string
}

export interface CommandSpec {
  /** With its operands, as commander writes them: `observe <name>`. */
  readonly usage: string
  readonly summary: string
  readonly settings: readonly SettingKey[]
  readonly extra: readonly ExtraFlag[]
  readonly examples: readonly string[]
  /** Imported only when the command is called. */
  load(): Promise<CommandAction>
}
