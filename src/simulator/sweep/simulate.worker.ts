/** A worker thread of `mandate simulate`: one seed, or one exploration, at a time. */
import { parentPort } from 'node:worker_threads'
import { exploreByName } from '../explore/models.ts'
import { doSeedJob } from './seed-jobs.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

const port = parentPort
if (port === null) throw new Error('simulate.worker runs only as a worker thread')
const answer = (message: FromWorker): void => port.postMessage(message)

port.on('message', ({ id, job }: ToWorker) => {
  if (job.type === 'explore') {
    const exploration = exploreByName(job.model, (states) => answer({ id, type: 'progress', states }))
    answer({ id, type: 'explored', exploration })
    return
  }
  doSeedJob(job).then(
    (value) => answer({ id, type: 'done', value }),
    (error: unknown) =>
      answer({ id, type: 'failed', message: error instanceof Error ? (error.stack ?? '') : String(error) }),
  )
})
