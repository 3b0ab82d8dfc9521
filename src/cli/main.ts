/**
 * The entry of `mandate`. For `run`, signals are caught before anything heavy is imported: whoever stops a service that
 * is still starting must not be answered by the default action, half-way through.
 */
import { SignalInbox } from './signals.ts'

const args = process.argv.slice(2)
const inbox = args[0] === 'run' ? new SignalInbox() : undefined

void import('./program.ts')
  .then(({ main }) => main(args, inbox))
  // Handles of a backend that hangs must not keep an answer that was given.
  .then((code) => process.exit(code))
