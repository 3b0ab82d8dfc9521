/** `mandate peer`: one vote for a cluster, without standing for anything. */
import { MandateError } from '../errors.ts'
import { version } from '../version.ts'
import { backendFrom } from './backend-from.ts'
import type { CommandContext } from './command.ts'
import { requireBackend, resolveConfig, wantsJson } from './config.ts'
import { isEmbedded, type BackendDescription } from './description.ts'
import { exitCode } from './exit-codes.ts'
import { hasStatus, watchQuorum } from './quorum-watch.ts'
import { reportSparingly } from './report-sparingly.ts'
import { print, printError, printJson } from './streams.ts'
import { untilStopped } from './until-stopped.ts'

export async function peer(context: CommandContext): Promise<number> {
  const description = requireBackend(await resolveConfig(context))
  const identity = identityOf(description)
  const stopped = untilStopped()
  const backend = await backendFrom(description, {
    onBackgroundFailure: reportSparingly((text) => printError(`mandate: ${text}`)),
    warn: (text) => printError(`mandate: ${text}`),
  })
  await backend.start()
  if (wantsJson(context)) printJson('peer', version, identity)
  else print(`peer ${identity.id} is ready on ${identity.address}, data in ${identity.dataDir}`)
  const watch = hasStatus(backend)
    ? watchQuorum(backend, (text) => printError(`mandate: ${text}`))
    : undefined
  watch?.start()
  await stopped
  watch?.stop()
  await backend.close()
  return exitCode.done
}

function identityOf(description: BackendDescription) {
  if (!isEmbedded(description)) {
    const message = `'mandate peer' runs a peer of an embedded cluster; ${description.type} has none. Use raft:// or paxos://`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'backend', value: description.type })
  }
  const { self, peers, listen, dataDir } = description
  if (self === undefined) {
    const message = `Which peer is this one? Give --self ${Object.keys(peers).join(' or ')}.`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'self' })
  }
  return { id: self, address: listen ?? peers[self] ?? '', dataDir: dataDir ?? '' }
}
