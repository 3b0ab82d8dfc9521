/**
 * The first process of a container: collects orphans, which Node cannot do, and passes signals on to `run`.
 *
 * It also outlives a supervisor that was killed, so that the guard can still release: with the first process every
 * other one of a container ends at once.
 */
import { existsSync } from 'node:fs'
import type { Environment } from './config.ts'

/** How long the guard may take after the supervisor's death: its own limit, and some more. */
const afterKillTenths = 200

/** For `/bin/sh -c SCRIPT sh command args…`. A job in the background has no stdin unless it is given one. */
export const initScript = `child= early=
pass() { if [ -n "$child" ]; then kill -s "$1" "$child"; else early=$1; fi; }
for signal in HUP INT QUIT TERM USR1 USR2 WINCH CONT; do trap "pass $signal" $signal; done
exec 3<&0
"$@" <&3 3<&- &
child=$!
if [ -n "$early" ]; then kill -s "$early" "$child"; fi
while :; do
  wait "$child"; code=$?
  kill -0 "$child" 2>/dev/null || break
done
tenths=0
while [ "$code" -eq 137 ] && [ $tenths -lt ${afterKillTenths} ] && kill -s 0 -- -1 2>/dev/null; do
  sleep 0.1; tenths=$((tenths + 1))
done
exit "$code"`

/** From Node 22.15: a process may become another program. */
type Execve = (file: string, args: readonly string[], env: Environment) => never

/** The first process becomes the script above, with this very command line as its child, if this Node can do that. */
export function becomeInit(): void {
  const { execve } = process as { execve?: Execve }
  if (!isFirstProcess() || execve === undefined || !existsSync('/bin/sh')) return
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  execve.call(process, '/bin/sh', ['/bin/sh', '-c', initScript, 'sh', ...again], process.env)
}

export function isFirstProcess(): boolean {
  return process.pid === 1 && process.platform === 'linux'
}
