import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createElection } from '../../../src/index.ts'
import { kubernetes } from '../../../src/backends/kubernetes.ts'
import { eventually } from '../../integration/loopback.ts'
import { KubernetesServer } from '../kubernetes.ts'
import { ServerProcess } from '../server-process.ts'

let server: KubernetesServer
beforeAll(async () => {
  server = await KubernetesServer.start()
}, 90_000)
afterAll(() => server.close())

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** One of client-go's own, with the shortest lease that it takes. */
function clientGo(id: string, lease: string, ...flags: readonly string[]): ServerProcess {
  const program = server.clientGoCandidate
  if (program === undefined)
    throw new Error('these tests need the client-go candidate: `npm run servers kubernetes`')
  const args = ['-kubeconfig', server.kubeconfig('admin'), '-ns', 'default', '-lease', lease, '-id', id]
  const timing = ['-lease-duration', '2s', '-renew-deadline', '1500ms', '-retry-period', '300ms']
  const candidate = new ServerProcess(id, { program, args: [...args, ...timing, ...flags] })
  ends.push(() => candidate.kill())
  candidate.start()
  return candidate
}

function ours(id: string, name: string) {
  const backend = kubernetes({
    kubeconfig: server.kubeconfig('admin'),
    // Whatever of so short a lease can be used, is: the machine may be busy.
    ...{ leaseMs: 2000, renewDeadlineMs: 1900, retryMs: 300 },
    onBackgroundFailure: () => undefined,
  })
  const election = createElection({ name, backend, candidate: { id } })
  ends.push(() => election.close())
  return election
}

async function renewTimeOf(lease: string): Promise<number> {
  const { body } = await server.call('GET', server.leasePath(lease))
  return Date.parse((body as { spec: { renewTime: string } }).spec.renewTime)
}

const says = (candidate: ServerProcess, event: string): boolean =>
  candidate
    .log()
    .split('\n')
    .some((line) => line.endsWith(` ${candidate.name} ${event}`))

const until = (candidate: ServerProcess, event: string): Promise<true> =>
  eventually(`${candidate.name} ${event}`, () => says(candidate, event) || undefined)

describe('in one election with client-go', () => {
  it('waits while it leads, takes over when it releases, and hands over to it', async () => {
    const go = clientGo('go-1', 'hand-over', '-release')
    await until(go, 'leading')
    const election = ours('ours-1', 'hand-over')
    expect(await election.current()).toMatchObject({ type: 'led', leader: { id: 'go-1' } })
    let leads = false
    const campaign = election.campaign().then((won) => ((leads = true), won))
    const since = await renewTimeOf('hand-over')
    await eventually('go-1 to have renewed for longer than its lease', async () => {
      return (await renewTimeOf('hand-over')) - since > 3000 || undefined
    })
    expect(leads).toBe(false)
    await go.kill('SIGTERM')
    const leadership = await campaign
    const next = clientGo('go-2', 'hand-over', '-release')
    await until(next, 'observed ours-1')
    expect(says(next, 'leading')).toBe(false)
    await leadership.resign()
    await until(next, 'leading')
    const led = await election.current()
    expect(led).toMatchObject({ type: 'led', leader: { id: 'go-2' } })
    expect(led.type === 'led' && led.leader.token > leadership.token).toBe(true)
  })

  it('takes over when it is killed, and is taken over from when it falls silent', async () => {
    const go = clientGo('go-3', 'crash')
    await until(go, 'leading')
    const election = ours('ours-2', 'crash')
    const campaign = election.campaign()
    await go.kill('SIGKILL')
    const leadership = await campaign
    expect(leadership.isValid()).toBe(true)
    const next = clientGo('go-4', 'crash')
    await until(next, 'observed ours-2')
    // As a crash would leave it: nobody renews, nobody releases.
    const path = server.leasePath('crash')
    const { body } = await server.call('GET', path)
    const lease = body as { spec: { holderIdentity: string } }
    expect(lease.spec.holderIdentity).toBe('ours-2')
    server.api.signal('SIGSTOP')
    await leadership.lost
    expect(leadership.isValid()).toBe(false)
    const closing = election.close()
    server.api.signal('SIGCONT')
    await closing
    await until(next, 'leading')
  })

  it('loses at once when somebody writes another holder into its Lease', async () => {
    const election = ours('ours-3', 'stolen')
    const leadership = await election.campaign()
    const path = server.leasePath('stolen')
    const { body } = await server.call('GET', path)
    const lease = body as { spec: object }
    const stolen = await server.call('PUT', path, {
      ...lease,
      spec: { ...lease.spec, holderIdentity: 'thief' },
    })
    expect(stolen.status).toBe(200)
    expect(await leadership.lost).toBe('revoked')
  })
})
