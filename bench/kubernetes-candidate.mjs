// Candidates of bench/kubernetes.mjs in one process: prints its id when one leads, and resigns on SIGTERM. With a number as
// its last argument it is so many candidates of one election, each with a backend and connections of its own.
import { createElection, shutdownSignal } from 'mandate'
import { kubernetes } from 'mandate/kubernetes'

const [kubeconfig = '', name = '', id = '', preset = 'default', count = '1'] = process.argv.slice(2)
const signal = shutdownSignal()

async function stand(candidateId) {
  const backend = kubernetes({ kubeconfig, preset, onBackgroundFailure: () => undefined })
  const election = createElection({ name, backend, candidate: { id: candidateId } })
  await election.lead(
    async ({ signal: lost }) => {
      process.stdout.write(`${id}\n`)
      await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }))
    },
    { signal },
  )
  await backend.close()
}

await Promise.all(
  Array.from({ length: Number(count) }, (_, index) => stand(index === 0 ? id : `${id}-${index}`)),
)
