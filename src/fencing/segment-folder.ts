/** A folder of segments as files, one a token. Needs a local file system: one that shows a new file to everybody at once. */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MandateError } from '../errors.ts'

/** What the ledger does to its folder. Every call may end between any two effects: the process can be killed. */
export interface SegmentFolder {
  /** In no order. */
  tokens(): Promise<bigint[]>
  /** Makes an empty segment that everybody sees; undefined if there is one. */
  create(token: bigint): Promise<SegmentHandle | undefined>
  /** `sealing`: what is returned must survive a crash of the machine, because it is about to be vouched for. */
  read(token: bigint, purpose: 'looking' | 'sealing'): Promise<Buffer>
  /** For messages. */
  pathOf(token: bigint): string
}

export interface SegmentHandle {
  write(bytes: Buffer, position: number): Promise<void>
  close(): Promise<void>
}

/** Long enough for 64 bits, so that a listing by name is in the order of tokens. */
const TOKEN_DIGITS = 20

const nameOf = (token: bigint): string => `${token.toString().padStart(TOKEN_DIGITS, '0')}.segment`

export function segmentFolder(folder: string, sync: 'every-write' | 'never'): SegmentFolder {
  const pathOf = (token: bigint): string => join(folder, nameOf(token))
  return {
    pathOf,
    async tokens() {
      return (await namesIn(folder)).flatMap(tokenOf)
    },
    async create(token) {
      const file = await openUnlessExists(pathOf(token))
      if (file === undefined) return undefined
      if (sync === 'every-write') await syncFolder(folder)
      return {
        async write(bytes, position) {
          for (let done = 0; done < bytes.length;) {
            done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
          }
          if (sync === 'every-write') await file.datasync()
        },
        close: () => file.close(),
      }
    },
    async read(token, purpose) {
      const mustLast = sync === 'every-write' && purpose === 'sealing'
      const file = await open(pathOf(token), mustLast ? 'r+' : 'r')
      try {
        const bytes = await file.readFile()
        if (mustLast) await file.datasync()
        return bytes
      } finally {
        await file.close()
      }
    },
  }
}

/** It is not made here: in the place of a volume that is not mounted a new ledger would refuse nobody. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    const why = code === 'ENOENT' ? 'does not exist' : 'is no folder'
    const message = `the ledger's folder ${folder} ${why}: make it once, before the first leader; a lost one needs its copy`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'folder', value: folder }, { cause: error })
  }
}

/** A name that this module would not have written is somebody else's file. */
function tokenOf(name: string): bigint[] {
  const digits = /^(\d+)\.segment$/.exec(name)?.[1]
  return digits !== undefined && nameOf(BigInt(digits)) === name ? [BigInt(digits)] : []
}

async function openUnlessExists(path: string) {
  try {
    return await open(path, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
