/** A coordination service that the CLI can use as a backend: how it is named, and how it is reached. */
import type { Backend, BackgroundFailure } from '../../backends/backend.ts'
import type { ServiceDescription } from '../description.ts'
import type { BackendUrl } from '../url-grammar.ts'

export interface ServiceContext {
  readonly onBackgroundFailure: (failure: BackgroundFailure) => void
}

export interface Service<Description extends ServiceDescription = ServiceDescription> {
  readonly type: Description['type']
  /** In URLs, and as `type` of the object form; the first is the service's own name. */
  readonly schemes: readonly string[]
  /** What is wrong is added to `problems`; relative paths count from `baseDir`. */
  fromUrl(url: BackendUrl, baseDir: string, problems: string[]): Description
  fromObject(fields: Readonly<Record<string, unknown>>, baseDir: string, problems: string[]): Description
  /** The lease of a `run` without `--lease`. */
  leaseMs(description: Description): number
  /** From the death of a leader's machine to its successor, at most, in ms; absent: the lease. */
  takeoverMs?(description: Description, leaseMs: number): number
  /** What is left of a lease between two renewals that come in time, in ms; absent: nine tenths. */
  leastRemainingMs?(description: Description, leaseMs: number): number
  /** How much of its lease a leader uses: without contact it gives up after so long, in ms; absent: all of it. */
  usedMs?(description: Description, leaseMs: number): number
  /** What a lease of this length means: numbers of ms (`…Ms`) and others, by name. */
  figures?(description: Description, leaseMs: number): Readonly<Record<string, number>>
  /** Imports the backend only now. */
  create(description: Description, context: ServiceContext): Promise<Backend>
}
