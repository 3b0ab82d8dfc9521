/**
 * One process per folder. The lock is a bound socket: the kernel releases it when its process dies, however it dies,
 * which no pid file can promise.
 */
import { statSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { platform } from 'node:os'
import { join } from 'node:path'
import { MandateError } from '../errors.ts'

const ABSTRACT_NAME_BYTES = 108

export interface FolderLock {
  /** Idempotent. */
  release(): Promise<void>
}

/**
 * Does not see processes that share the folder from another network namespace (another container): their handshakes
 * with the same peers will clash instead. @throws DATA_DIR_IN_USE
 */
export async function lockFolder(
  folder: string,
  how: 'abstract' | 'file' = platform() === 'linux' ? 'abstract' : 'file',
): Promise<FolderLock> {
  const server = how === 'abstract' ? await bindAbstract(folder) : await bindInside(folder)
  if (server === undefined) {
    throw new MandateError(
      'DATA_DIR_IN_USE',
      `another process uses the data folder ${folder}; is this peer running already? Give each peer a folder of its own`,
      { dataDir: folder },
    )
  }
  // Held as long as the process lives, without keeping it alive.
  server.unref()
  let released: Promise<void> | undefined
  return {
    release() {
      released ??= new Promise<void>((resolve) => server.close(() => resolve()))
      return released
    },
  }
}

/** A name without a file, made of what identifies the folder under any path. */
async function bindAbstract(folder: string): Promise<Server | undefined> {
  const { dev, ino } = statSync(folder, { bigint: true })
  // Node 20 fills the name up with zero bytes and Node 24 does not: filled up here, both mean the same name.
  return bind(`\0mandate-data-${dev}-${ino}`.padEnd(ABSTRACT_NAME_BYTES, '\0'))
}

/**
 * A socket file outlives its process, so one that nobody answers on is removed. Two processes that find the same dead
 * file in the same instant may both get in: where there is a name without a file, that is used instead.
 */
async function bindInside(folder: string): Promise<Server | undefined> {
  const path = join(folder, 'in-use.sock')
  const server = await bind(path)
  if (server !== undefined || (await answers(path))) return server
  unlinkSync(path)
  return bind(path)
}

function bind(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    // `exclusive`: workers of node:cluster would share one socket, and both would believe that they hold it.
    server.listen({ path, exclusive: true }, () => resolve(server))
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
