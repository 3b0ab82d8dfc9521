import type { BackendEnv, LeaseTiming } from '../backend.ts'
import type { Arbiter } from './arbiter.ts'
import type { Link } from './link.ts'

/** What one backend's sessions and observers live in. */
export interface MemoryWorld {
  readonly env: BackendEnv
  readonly link: Link
  readonly arbiter: Arbiter
  readonly scope: string
  readonly timing: LeaseTiming
}
