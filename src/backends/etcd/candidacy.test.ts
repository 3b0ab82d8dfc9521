/** A candidacy whose cluster is a script; those of real servers are in `test/servers/etcd`. */
import { expect, it } from 'vitest'
import type { Renewal } from '../backend.ts'
import { EtcdCandidacy } from './candidacy.ts'
import type { CandidacyTie } from './candidacy.ts'
import type { KeyEvent } from './watch-hub.ts'

it('a leader whose key is deleted is on guard against its own put that may still land', async () => {
  const renewal = { grantedMs: 5000 } as Renewal
  let told: (events: readonly KeyEvent[]) => void = () => undefined
  const removals: boolean[] = []
  const tie = {
    ...{ lease: 7n, leaseMs: 5000, candidateId: 'a', tokenBase: 0n, prefix: 'job/', key: 'job/7' },
    cluster: {
      // The first attempt is not answered; the second has put the key.
      call: (_: unknown, limits: { uncertain(): void }) => {
        limits.uncertain()
        return Promise.resolve({ revision: 5n, at: 5n, own: undefined, ahead: [], all: [] })
      },
    },
    hub: {
      watch: (_: unknown, on: { events: typeof told }) => {
        told = on.events
        return { close: () => undefined }
      },
    },
    renewal: () => renewal,
    renewNow: () => Promise.resolve(),
    cleared: () => Promise.resolve(),
    hasTwin: () => Promise.resolve(false),
    remove: (_: unknown, uncertain: () => boolean) => {
      removals.push(uncertain())
      return Promise.resolve('absent')
    },
    over: () => undefined,
  } as unknown as CandidacyTie
  const heard: string[] = []
  const candidacy = new EtcdCandidacy(
    { election: 'job', exclusivity: 'time', priority: 0, metadata: {} },
    {
      waiting: () => undefined,
      won: ({ token }) => void heard.push(`won ${token}`),
      renewed: () => undefined,
      ended: ({ reason }) => void heard.push(`ended ${reason}`),
    },
    tie,
  )
  await candidacy.start()
  told([{ is: 'deleted' } as KeyEvent])
  expect(heard).toEqual(['won 5', 'ended revoked'])
  expect(removals).toEqual([true])
})
