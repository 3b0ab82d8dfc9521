/** What to try after the demo: three commands that work as they stand. */
import { basename, relative } from 'node:path'

/** `script`: what Node.js was started with, the command's own name or a file of a clone. */
export function nextCommands(script: string, cwd: string): string {
  const mandate = basename(script).endsWith('.js') ? `node ${relative(cwd, script)}` : 'mandate'
  const backend = 'raft://a@127.0.0.1:7401'
  return [
    'Next: your own command under an election; in a second terminal, who leads it;',
    'and the other guarantee, which takes over faster:',
    '',
    `  ${mandate} run billing --backend ${backend} \\`,
    `    --self a --data ./data/a -- sh -c 'echo token $MANDATE_TOKEN; sleep 60'`,
    `  ${mandate} status --backend ${backend}`,
    `  ${mandate} demo --exclusivity token`,
  ].join('\n')
}
