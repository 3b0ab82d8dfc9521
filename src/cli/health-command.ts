/** `--health 'cmd'`: a shell command that says with its exit code whether this process can do the work. */
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { HealthCheck } from '../election/health.ts'
import { signalGroup } from './process-group.ts'

/** Of what the command says, so much of the end is repeated in the log. */
const tailBytes = 400

/** What was started in its group ends with it: neither a hanging check nor what it leaves behind piles up. */
export function healthCommand(command: string, env: NodeJS.ProcessEnv): HealthCheck {
  return (signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(aborted(command))
      const child = spawn('/bin/sh', ['-c', command], {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
        env,
      })
      // Without a file descriptor to spare there is no pipe, and the error comes a tick later.
      const stderr: Readable | undefined = child.stderr
      let tail = ''
      stderr?.setEncoding('utf8').on('data', (text: string) => {
        tail = (tail + text).slice(-tailBytes)
      })
      const kill = (): void => {
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
      }
      signal.addEventListener('abort', kill, { once: true })
      child.once('error', (error) => {
        signal.removeEventListener('abort', kill)
        reject(error)
      })
      // Not 'close': a daemon of the command's may keep the pipe open.
      child.once('exit', (code, killedBy) => {
        signal.removeEventListener('abort', kill)
        kill()
        stderr?.destroy()
        if (code === 0) return resolve()
        const how = killedBy === null ? `exited with ${code}` : `was ended by ${killedBy}`
        const said = tail.trim().split('\n').at(-1) ?? ''
        reject(new Error(`'${command}' ${how}${said === '' ? '' : `: ${said}`}`))
      })
    })
}

function aborted(command: string): Error {
  return new Error(`'${command}' was not started`)
}
