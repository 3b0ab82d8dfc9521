/**
 * The reaper of the demo, and of whoever else starts clusters (`compare`): parent of every peer, in a session of its
 * own, so that nothing outlives its owner.
 *
 * It holds a pipe from its owner; when that closes, for whatever reason, it kills the peers and removes the folder. A peer
 * that is stopped cannot see a pipe close, and SIGKILL ends it all the same. Because it is their parent, the kernel does not
 * give away the id of a peer that died before the reaper has heard of it: no stranger is ever signalled.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lineReader } from '../guard-protocol.ts'
import type { FromReaper, ToReaper } from './protocol.ts'

const [peerScript = '', owner = ''] = process.argv.slice(2)
const stderrBytesMax = 4096

const pipe = new Socket({ fd: 3 })
const peers = new Map<number, { readonly process: ChildProcess; readonly gone: Promise<void> }>()

function tell(message: FromReaper): void {
  pipe.write(`${JSON.stringify(message)}\n`)
}

function receive(line: string): void {
  const message = JSON.parse(line) as ToReaper
  switch (message.type) {
    case 'start':
      start(message.config, message.channel)
      break
    case 'signal':
      peers.get(message.pid)?.process.kill(message.signal)
      break
    default:
      message satisfies never
  }
}

function start(config: { readonly id: string }, channel: number): void {
  const child = spawn(process.execPath, [peerScript, JSON.stringify(config)], {
    // Its stdin closes with the reaper: one more way to end, should somebody kill that.
    stdio: ['pipe', 'ignore', 'pipe', channel],
  })
  // The owner shall see this end close when the peer dies.
  closeSync(channel)
  child.stdin?.on('error', () => undefined)
  const { pid } = child
  if (pid === undefined) {
    child.once('error', (error) => tell({ type: 'failed', what: 'start', message: error.message }))
    return
  }
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-stderrBytesMax)
  })
  const gone = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      peers.delete(pid)
      tell({ type: 'exited', id: config.id, pid, code, signal, stderr })
      resolve()
    })
  })
  peers.set(pid, { process: child, gone })
  tell({ type: 'started', id: config.id, pid })
}

async function reap(folder: string | undefined): Promise<void> {
  for (const { process: peer } of peers.values()) peer.kill('SIGKILL')
  await Promise.all([...peers.values()].map(({ gone }) => gone))
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function makeFolder(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), `mandate-${owner}-`))
  } catch (error) {
    tell({ type: 'failed', what: 'folder', message: (error as Error).message })
    return undefined
  }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGPIPE'] as const) {
  process.on(signal, () => undefined)
}
process.title = `mandate ${owner} reaper`

// Never `once` for errors: whatever is written after the owner's death fails, and must not end the reaper.
const closed = new Promise<void>((resolve) => {
  for (const event of ['end', 'close', 'error']) pipe.on(event, () => resolve())
})
const folder = makeFolder()
pipe.setEncoding('utf8').on('data', lineReader(receive))
if (folder !== undefined) tell({ type: 'ready', folder })
void closed.then(() => reap(folder)).finally(() => process.exit(0))
