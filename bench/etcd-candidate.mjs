// One candidate of bench/etcd.mjs: prints its id when it leads, as `etcdctl elect` does, and resigns on SIGTERM. With a number
// as its last argument it stands in so many elections, and prints how many it leads.
import { createElection, shutdownSignal } from 'mandate'
import { etcd } from 'mandate/etcd'

const [endpoints = '', name = '', id = '', ttlMs = '5000', elections = '0'] = process.argv.slice(2)
const backend = etcd({
  endpoints: endpoints.split(','),
  ttlMs: Number(ttlMs),
  onBackgroundFailure: () => undefined,
})
const signal = shutdownSignal()
const count = Number(elections)

if (count === 0) {
  const election = createElection({ name, backend, candidate: { id } })
  await election.lead(
    async ({ signal: lost, token }) => {
      process.stdout.write(`${id}\ntoken ${token}\n`)
      await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }))
    },
    { signal },
  )
  await election.close()
} else {
  const all = Array.from({ length: count }, (_, index) =>
    createElection({ name: `${name}-${index}`, backend, candidate: { id } }),
  )
  const led = await Promise.all(all.map((election) => election.campaign()))
  const tell = () =>
    process.stdout.write(`leads ${led.filter((each) => each.isValid()).length} of ${count}\n`)
  tell()
  setInterval(tell, 1000).unref()
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
await backend.close()
