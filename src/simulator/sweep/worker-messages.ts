/** Between the command and its worker threads. */
import type { Exploration } from '../explore/explorer.ts'
import type { SeedAnswer, SeedJob } from './seed-jobs.ts'

export type WorkerJob = SeedJob | { readonly type: 'explore'; readonly model: string }

export interface ToWorker {
  readonly id: number
  readonly job: WorkerJob
}

export type FromWorker = { readonly id: number } & (
  | { readonly type: 'done'; readonly value: SeedAnswer }
  | { readonly type: 'explored'; readonly exploration: Exploration }
  | { readonly type: 'progress'; readonly states: number }
  | { readonly type: 'failed'; readonly message: string }
)
