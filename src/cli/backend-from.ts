/** Makes a backend of its description. Each kind is imported only when it is named. */
import type { Backend, BackgroundFailure, Guarantee } from '../backends/backend.ts'
import { MandateError, isMandateError } from '../errors.ts'
import { serviceFrom } from './services/index.ts'
import { importUserModule } from './user-module.ts'
import type { BackendDescription, EmbeddedDescription, ModuleDescription } from './description.ts'

export interface BackendContext {
  /** Failures that belong to no call, such as a lost connection. */
  readonly onBackgroundFailure: (failure: BackgroundFailure) => void
  /** Said once at the start. */
  readonly warn: (message: string) => void
}

/** @throws UNSUPPORTED, INVALID_OPTIONS and whatever the backend's own checks throw */
export async function backendFrom(
  description: BackendDescription,
  context: BackendContext,
): Promise<Backend<Guarantee>> {
  switch (description.type) {
    case 'raft':
    case 'paxos':
    case 'bully':
      return embeddedFrom(description, context)
    case 'memory': {
      context.warn('memory:// lives in this process only: no other process will ever see this election')
      const { memory } = await import('../backends/memory.ts')
      return memory()
    }
    case 'module':
      return moduleFrom(description)
    default:
      return serviceFrom(description, context)
  }
}

async function embeddedFrom(
  description: EmbeddedDescription,
  context: BackendContext,
): Promise<Backend<Guarantee>> {
  const { self, peers, dataDir, listen, timing, tls, secretFile, insecure, cluster, tokenBase, tuning } =
    description
  if (tls !== undefined || secretFile !== undefined) {
    throw new MandateError(
      'UNSUPPORTED',
      'tls-cert, tls-key, tls-ca and secret-file are planned but not built yet: keep the peers on loopback, or spell ' +
        'out insecure=true in a network that you trust.',
      { feature: 'TLS between peers' },
    )
  }
  if (self !== undefined && dataDir === undefined) {
    throw new MandateError(
      'INVALID_OPTIONS',
      `The peer '${self}' needs a data folder of its own: add data=./data/${self} to the URL, or --data ./data/${self}.`,
      { option: 'data' },
    )
  }
  const { timingPresets } = await import('../lease/timing.ts')
  const { preset, ...numbers } = timing ?? {}
  const options = {
    peers,
    ...(self === undefined ? {} : { self }),
    ...(self === undefined || dataDir === undefined ? {} : { dataDir }),
    ...(self === undefined || listen === undefined ? {} : { listen }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(tokenBase === undefined ? {} : { tokenBase: BigInt(tokenBase) }),
    ...(timing === undefined ? {} : { timing: { ...timingPresets[preset ?? 'default'], ...numbers } }),
    onBackgroundFailure: context.onBackgroundFailure,
  }
  switch (description.type) {
    case 'raft':
      return (await import('../backends/raft.ts')).raft({
        ...options,
        ...(tuning === undefined ? {} : { tuning }),
      })
    case 'paxos':
      return (await import('../backends/paxos.ts')).paxos(options)
    case 'bully': {
      const { bully } = await import('../backends/bully.ts')
      return description.quorum === false ? bully({ ...options, quorum: false }) : bully(options)
    }
    default:
      return description.type satisfies never
  }
}

async function moduleFrom({ module, options }: ModuleDescription): Promise<Backend<Guarantee>> {
  const loaded = await importUserModule(module).catch((cause: unknown) => {
    throw isMandateError(cause) ? cause : wrongModule(module, 'it cannot be loaded', cause)
  })
  const create = loaded['createBackend'] ?? loaded['default']
  if (typeof create !== 'function') throw wrongModule(module, 'it exports no function createBackend(options)')
  const backend: unknown = await create(options)
  if (isBackend(backend)) return backend
  throw wrongModule(module, 'createBackend(options) did not give a backend: return what defineBackend gives')
}

function isBackend(value: unknown): value is Backend<Guarantee> {
  if (typeof value !== 'object' || value === null) return false
  return ['share', 'shareObserver', 'start', 'close'].every(
    (key) => typeof Reflect.get(value, key) === 'function',
  )
}

function wrongModule(module: string, why: string, cause?: unknown): MandateError<'INVALID_OPTIONS'> {
  const message = `The backend module '${module}' cannot be used: ${why}.`
  return new MandateError('INVALID_OPTIONS', message, { option: 'backend.module', value: module }, { cause })
}
