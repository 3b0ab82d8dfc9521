/** The newest token that a resource has seen, kept so that a restart does not forget it. */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MandateError } from '../errors.ts'
import { foreignScope, staleToken } from './guard.ts'
import type { Fence } from './guard.ts'

export interface FenceStore {
  /**
   * Resolves when this token, or the same one before, is stored for good.
   * @throws LEADERSHIP_LOST, CLUSTER_MISMATCH
   */
  raise(fence: Fence): Promise<void>
}

interface Mark {
  readonly scope: string
  readonly token: bigint
}

const FORMAT = 'mandate-fence-1'

/** Marks of many elections in one small file; so many are a mistake. */
const ELECTIONS_MAX = 10_000

/**
 * In one file of one process: a second process that uses the same file would not see what this one stored. Written only when
 * a token is new; survives the death of the machine.
 */
export function fileFenceStore(path: string): FenceStore {
  let marks: Promise<Map<string, Mark>> | undefined
  let writing: Promise<void> = Promise.resolve()
  const load = (): Promise<Map<string, Mark>> => {
    marks ??= read(path)
    marks.catch(() => (marks = undefined))
    return marks
  }
  /** One after the other; nothing is seen before it is stored. */
  const raise = async (fence: Fence): Promise<void> => {
    const present = await load()
    const { election, scope, token } = fence
    if (isPresent(present.get(election), fence)) return
    if (present.size >= ELECTIONS_MAX && !present.has(election))
      throw new MandateError('LIMIT_EXCEEDED', `${path} holds ${present.size} elections: use a database`, {
        limit: 'elections in a file',
        value: present.size + 1,
        max: ELECTIONS_MAX,
      })
    const next = new Map(present).set(election, { scope, token })
    await write(path, next)
    marks = Promise.resolve(next)
  }
  return {
    async raise(fence) {
      if (isPresent((await load()).get(fence.election), fence)) return
      const turn = writing.then(() => raise(fence))
      writing = turn.catch(() => undefined)
      await turn
    },
  }
}

/** @throws LEADERSHIP_LOST, CLUSTER_MISMATCH */
function isPresent(mark: Mark | undefined, fence: Fence): boolean {
  if (mark === undefined) return false
  if (mark.scope !== fence.scope) throw foreignScope(fence, mark.scope)
  if (mark.token > fence.token) throw staleToken(fence, mark.token)
  return mark.token === fence.token
}

async function read(path: string): Promise<Map<string, Mark>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  try {
    const { format, marks } = JSON.parse(text) as {
      readonly format: unknown
      readonly marks: Record<string, unknown>
    }
    if (format !== FORMAT) throw new Error(`its format is ${String(format)}`)
    return new Map(Object.entries(marks).map(([election, mark]) => [election, markOf(mark)]))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    // Never taken for an empty one: that would let every stale token in.
    throw new MandateError(
      'DATA_CORRUPT',
      `${path} holds no tokens (${reason}): restore it`,
      { file: path, offset: 0, reason },
      { cause },
    )
  }
}

function markOf(value: unknown): Mark {
  const { scope, token } = value as Record<string, unknown>
  if (typeof scope !== 'string' || typeof token !== 'string') throw new Error('a mark has no scope or token')
  return { scope, token: BigInt(token) }
}

/** A reader finds the old file or the new one, whole. */
async function write(path: string, marks: ReadonlyMap<string, Mark>): Promise<void> {
  const entries = [...marks].map(([election, { scope, token }]) => [
    election,
    { scope, token: token.toString() },
  ])
  const text = JSON.stringify({ format: FORMAT, marks: Object.fromEntries(entries) as unknown })
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
