/** Worker threads that do one job at a time. */
import { Worker } from 'node:worker_threads'
import { MandateError } from '../../errors.ts'
import type { Exploration } from '../explore/explorer.ts'
import type { SeedOptions } from './seed-jobs.ts'
import type { SeedWorker } from './sweep.ts'
import type { SeedSummary, ShrunkSchedule } from './summary.ts'
import type { FromWorker, ToWorker, WorkerJob } from './worker-messages.ts'

export class SimulatorThread implements SeedWorker {
  readonly #worker: Worker
  readonly #options: SeedOptions
  #ids = 0
  #waiting: { readonly take: (message: FromWorker) => void; readonly fail: (error: unknown) => void } | null =
    null
  #failure: Error | null = null

  constructor(options: SeedOptions) {
    this.#options = options
    this.#worker = new Worker(new URL('simulate.worker.js', import.meta.url))
    this.#worker.on('message', (message: FromWorker) => this.#waiting?.take(message))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the thread ended')))
  }

  run(seed: string): Promise<SeedSummary> {
    return this.#do({ type: 'run', seed, options: this.#options }) as Promise<SeedSummary>
  }

  shrink(seed: string, invariant: string, budgetMs: number): Promise<ShrunkSchedule> {
    const job = { type: 'shrink', seed, invariant, budgetMs, options: this.#options } as const
    return this.#do(job) as Promise<ShrunkSchedule>
  }

  explore(model: string, progress: (states: number) => void): Promise<Exploration> {
    return this.#do({ type: 'explore', model }, progress) as Promise<Exploration>
  }

  async end(): Promise<void> {
    this.#waiting = null
    await this.#worker.terminate()
  }

  #do(job: WorkerJob, progress: (states: number) => void = () => undefined): Promise<unknown> {
    this.#ids += 1
    const id = this.#ids
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(defect(job, this.#failure.message))
      this.#waiting = {
        take: (message) => {
          if (message.id !== id) return
          switch (message.type) {
            case 'progress':
              return progress(message.states)
            case 'failed':
              return reject(defect(job, message.message))
            case 'done':
              return resolve(message.value)
            case 'explored':
              return resolve(message.exploration)
            default:
              message satisfies never
          }
        },
        fail: (error) =>
          reject(defect(job, error instanceof Error ? (error.stack ?? error.message) : String(error))),
      }
      this.#worker.postMessage({ id, job } satisfies ToWorker)
    })
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#waiting?.fail(error)
    this.#waiting = null
  }
}

function defect(job: WorkerJob, reason: string): MandateError<'INTERNAL'> {
  const what = job.type === 'explore' ? `exploring ${job.model}` : `seed ${job.seed}`
  return new MandateError('INTERNAL', `The simulator itself failed (${what}): ${reason}`, { reason })
}
