/**
 * The last resort: a shell that reads a pipe, and kills the command's group when the pipe's other end is gone.
 *
 * The supervisor and the guard have one each, so that the command also ends when both are killed at nearly the same
 * time, or one is killed while the other is stopped. It costs less than a megabyte, so that a machine out of memory looks for
 * another victim first. It knows no time: if supervisor and guard are stopped together, nothing kills the command.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'

/** A line with a number: the group to kill. An empty line: none. The end of the input: kill it. */
const script = `trap '' HUP INT QUIT TERM USR1 USR2 PIPE TSTP TTIN TTOU
group=
while read -r line; do group=$line; done
case $group in [1-9]*) kill -s KILL -- "-$group" ;; esac`

/** Somebody who kills it again and again has a reason; the command still has its guard. */
const startsLimit = 5

export class Deadman {
  #shell: ChildProcess | undefined
  #starts = 0
  #group = ''
  #ended = false

  constructor() {
    this.#start()
  }

  /** Undefined: nobody is left to kill. */
  tell(pgid: number | undefined): void {
    this.#group = pgid === undefined ? '' : String(pgid)
    this.#shell?.stdin?.write(`${this.#group}\n`)
  }

  /** In order: nobody is killed. */
  end(): void {
    this.#ended = true
    this.tell(undefined)
    this.#shell?.stdin?.end()
  }

  #start(): void {
    if (this.#ended || this.#starts++ >= startsLimit) return
    // No environment: the marks of an outer `run` would make it a victim of that one's guard.
    const shell = spawn('/bin/sh', ['-c', script, 'mandate-deadman'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      env: {},
    })
    this.#shell = shell
    shell.once('exit', () => this.#start())
    // Without a shell on the machine the guard is all there is.
    shell.once('error', () => undefined)
    shell.stdin.on('error', () => undefined)
    // It must not keep its owner alive.
    shell.unref()
    if (shell.pid !== undefined) (shell.stdin as Socket).unref()
    if (this.#group !== '') this.tell(Number(this.#group))
  }
}
