/** Candidacies of one process in one election, one after the other: in the record they look alike. */
import { describe, expect, it } from 'vitest'
import { fakeLeaseServer } from '../testing/fake-lease-store.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import type { CandidacyRequest } from './backend.ts'
import { leaseSession } from './lease-session.ts'

const timing = { leaseMs: 900, maxClockDrift: 0.01, tickMs: 1 }
const billing: CandidacyRequest = { election: 'billing', exclusivity: 'time', priority: 0, metadata: {} }

/** A session whose releases take 100 ms to the server. */
async function leading() {
  const clock = manualClock()
  const server = fakeLeaseServer(clock)
  const env = { clock, random: seededRandom(1), report: () => undefined }
  const session = leaseSession(server.connect('a', { clock }), env, { candidateId: 'a' }, { timing })
  const heard: string[] = []
  const stand = (name: string) =>
    session.enter(billing, {
      waiting: () => undefined,
      won: () => heard.push(`${name} won`),
      renewed: () => undefined,
      ended: ({ reason }) => heard.push(`${name} ended: ${reason}`),
    })
  const first = stand('first')
  await clock.advanceAsync(10)
  server.fate = ({ next }) => (next?.holder === '' ? { toServerMs: 100 } : {})
  return { clock, server, session, heard, stand, first }
}

describe('the release of an earlier candidacy', () => {
  it('is waited for by every later one, also if one between them was left before it began', async () => {
    const { clock, heard, stand, first } = await leading()
    void first.leave({})
    void stand('second').leave({})
    stand('third')
    await clock.advanceAsync(2000)
    expect(heard).toEqual(['first won', 'third won'])
  })

  it('is waited for by the end of the session, also if the one after it was left before it began', async () => {
    const { clock, server, session, stand, first } = await leading()
    void first.leave({})
    void stand('second').leave({})
    let closed = false
    void session.close({}).then(() => (closed = true))
    await clock.advanceAsync(50)
    expect(closed).toBe(false)
    await clock.advanceAsync(60)
    expect(closed).toBe(true)
    expect(server.record('billing')?.holder).toBe('')
  })
})
