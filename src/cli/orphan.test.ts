import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { killByToken } from './orphan.ts'

const mine = {
  MANDATE_ELECTION: 'e',
  MANDATE_ID: `i-${process.pid}`,
  MANDATE_TOKEN: '7',
  MANDATE_TOKEN_SCOPE: 's',
}

function start(env: Record<string, string>) {
  const child = spawn('sleep', ['60'], {
    env: { PATH: process.env['PATH'], ...env },
    detached: true,
    stdio: 'ignore',
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  )
  return { child, ended }
}

test.runIf(process.platform === 'linux')(
  'kills the command of exactly this leadership, and no other',
  async () => {
    const orphan = start(mine)
    const successor = start({ ...mine, MANDATE_TOKEN: '8' })
    try {
      await killByToken(mine)
      expect(await orphan.ended).toBe('SIGKILL')
      expect(successor.child.exitCode ?? successor.child.signalCode).toBeNull()
    } finally {
      successor.child.kill('SIGKILL')
      orphan.child.kill('SIGKILL')
    }
  },
)
