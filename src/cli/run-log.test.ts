import { expect, it, vi } from 'vitest'
import { RunLog } from './run-log.ts'

const lines: string[] = []
vi.mock('node:fs', () => ({
  write: (_fd: number, bytes: Buffer, offset: number, done: (error: null, count: number) => void) => {
    lines.push(bytes.subarray(offset).toString())
    done(null, bytes.length - offset)
  },
}))

it('tells the loss of a leadership once, whoever notices it', async () => {
  const log = new RunLog({ election: 'job', id: 'a', format: 'json', level: 'info', env: {} })
  log.lost(7n, 'revoked')
  log.lost(7n, 'revoked')
  log.lost(9n, 'expired')
  await log.flush(1000)
  const tokens = lines.map((line) => (JSON.parse(line) as { token: string }).token)
  expect(tokens).toEqual(['7', '9'])
})
