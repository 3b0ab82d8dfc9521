/** A thousand elections of one process on one session: what is sent does not grow with their number. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { consul } from '../../../src/backends/consul.ts'
import { createElection } from '../../../src/election/election.ts'
import type { Leadership } from '../../../src/election/leadership.ts'
import { eventually } from '../../integration/loopback.ts'
import { ConsulServers } from '../consul.ts'

const count = 1000
let servers: ConsulServers
beforeAll(async () => {
  servers = await ConsulServers.start()
})
afterAll(() => servers.close())

/** The requests of this process to Consul, as `METHOD path`. */
function countRequests() {
  const seen: string[] = []
  const started = (message: unknown): void => {
    const { request } = message as { request: ClientRequest }
    seen.push(`${request.method} ${request.path.split('?')[0]}`)
  }
  subscribe('http.client.request.start', started)
  return { seen, stop: () => void unsubscribe('http.client.request.start', started) }
}

it('a thousand elections are led by one session, watched by one query, and renewed by one request', async () => {
  const options = { address: servers.first.address, prefix: 'many', onBackgroundFailure: () => undefined }
  const backend = consul(options)
  const elections = Array.from({ length: count }, (_, index) =>
    createElection({ name: `shard-${index}`, backend }),
  )
  const warnings: string[] = []
  const warned = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', warned)
  try {
    const leaderships = await Promise.all(elections.map((election) => election.campaign()))
    expect(new Set(leaderships.map(({ token }) => token)).size).toBe(count)
    const sessions = (await servers.first.get('/v1/session/list')) as { ID: string }[]
    expect(sessions).toHaveLength(1)
    const requests = countRequests()
    const isRenewal = (request: string): boolean => request.startsWith('PUT /v1/session/renew/')
    // A session of 10 s is renewed each third of that; the query for all keys answers after 10 s, or a change.
    await eventually('two renewals', () => requests.seen.filter(isRenewal)[1])
    requests.stop()
    expect(requests.seen.filter((request) => !isRenewal(request)).length).toBeLessThanOrEqual(4)
    expect(leaderships.every((leadership) => leadership.isValid())).toBe(true)
    await seesOneTakenAway(leaderships)
    expect(warnings).toEqual([])
  } finally {
    process.off('warning', warned)
    await backend.close()
  }
  const kept = (await servers.first.get('/v1/kv/many/?recurse')) as { Session?: string; Flags: number }[]
  expect(kept.filter(({ Session }) => Session !== undefined)).toEqual([])
}, 90_000)

async function seesOneTakenAway(leaderships: readonly Leadership[]): Promise<void> {
  await servers.first.delete('/v1/kv/many/shard-500/.lock')
  await eventually('its leader to know', () => (leaderships[500]!.isValid() ? undefined : true))
  expect(leaderships.filter((leadership) => leadership.isValid())).toHaveLength(count - 1)
}
