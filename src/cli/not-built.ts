/** Commands that the outside grammar knows and this version cannot do: they say so, with the way that works today. */
import { MandateError } from '../errors.ts'
import type { CommandAction } from './command.ts'

function notBuilt(command: string, instead: string): CommandAction {
  return () => {
    const message = `'mandate ${command}' is planned but not built yet. ${instead}`
    return Promise.reject(new MandateError('UNSUPPORTED', message, { feature: command }))
  }
}

export const resign = notBuilt(
  'resign',
  'Send SIGTERM to the `mandate run` that leads: it stops its command, then resigns.',
)
export const transfer = notBuilt('transfer', 'A program that leads can call `leadership.transfer(to)`.')
