/**
 * The entry of `mandate`. For what goes on until it is stopped, signals are caught before anything heavy is imported:
 * whoever stops a service that is still starting must not be answered by the default action, half-way through.
 */
import { becomeInit } from './init-script.ts'
import { SignalInbox } from './signals.ts'
import { untilStopped } from './until-stopped.ts'

const args = process.argv.slice(2)
if (args[0] === 'run') becomeInit()
const inbox = args[0] === 'run' ? new SignalInbox() : undefined
if (args[0] === 'serve' || args[0] === 'peer') void untilStopped()

// A defect must not look like the command's own exit code; the guard ends the command as after any other death.
process.on('uncaughtException', (error) => {
  process.stderr.write(
    `mandate: ${error.stack ?? error.message}\nmandate: exit 125 is mandate's own: a defect\n`,
  )
  process.exit(125)
})

void import('./program.ts')
  .then(({ main }) => main(args, inbox))
  // Handles of a backend that hangs must not keep an answer that was given.
  .then((code) => process.exit(code))
