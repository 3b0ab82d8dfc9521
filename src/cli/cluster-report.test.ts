import { expect, test } from 'vitest'
import type { EmbeddedBackend } from '../backends/cluster-view.ts'
import type { PeerStatus } from '../cluster/messages.ts'
import { bestView, reportOf } from './cluster-report.ts'
import { missingQuorum } from './quorum-watch.ts'

function peerStatus(peer: string, given: Partial<PeerStatus>): PeerStatus {
  return {
    peer,
    cluster: 'c1',
    version: '0.1.0',
    role: 'follower',
    term: 1,
    leader: 'a',
    commitIndex: 5,
    appliedIndex: 5,
    logBytes: 100,
    logBytesMax: 1000,
    quorum: false,
    peers: [],
    elections: [],
    ...given,
  }
}

const backend = {
  engine: 'raft',
  peers: { a: 'h:1', b: 'h:2', c: 'h:3' },
  cluster: 'c1',
  facts: { guarantee: 'linearizable', tokenSource: 'raft log index' },
} as unknown as EmbeddedBackend

const election = {
  name: 'billing',
  exclusivity: 'time',
  leader: { id: 'w1', token: 2n ** 60n, metadata: {} },
  heldMs: 10,
  expiresInMs: 90,
  waiting: [{ id: 'w2', priority: 0 }],
  lastReason: null,
} as const

test('a deposed leader that does not know it yet is not believed', () => {
  const deposed = peerStatus('a', { role: 'leader', term: 3 })
  const leader = peerStatus('b', { role: 'leader', term: 4, quorum: true })
  const view = { answers: [deposed, leader, peerStatus('c', { term: 4 })], silent: [] }
  expect(bestView(view)?.peer).toBe('b')
  expect(bestView({ ...view, answers: [deposed, { ...leader, quorum: false }] })?.peer).toBe('b')
})

test('with a quorum the election is led, and its token is a decimal string', () => {
  const best = peerStatus('a', { role: 'leader', quorum: true, elections: [election] })
  const silent = [{ peer: 'c', address: 'h:3', reason: 'ECONNREFUSED' }]
  const report = reportOf(backend, { answers: [best, peerStatus('b', {})], silent }, undefined, 7)
  expect(report.elections[0]).toMatchObject({
    state: 'led',
    leader: { id: 'w1', token: '1152921504606846976', scope: 'c1', metadata: {} },
    waiting: [{ id: 'w2', priority: 0 }],
  })
  expect(report.cluster).toMatchObject({
    leader: 'a',
    term: '1',
    quorum: { size: 2, reachable: 2, ok: true },
  })
  expect(report.cluster?.peers.map(({ id, role, reachable }) => [id, role, reachable])).toEqual([
    ['a', 'leader', true],
    ['b', 'follower', true],
    ['c', 'unknown', false],
  ])
  expect(JSON.stringify(report)).not.toContain('undefined')
})

test('without a quorum who leads is unknown, though the last leader is still named', () => {
  const report = reportOf(
    backend,
    { answers: [peerStatus('b', { elections: [election] })], silent: [] },
    'billing',
    7,
  )
  expect(report.cluster?.quorum).toEqual({ size: 2, reachable: 1, ok: false })
  expect(report.cluster?.leader).toBeNull()
  expect(report.elections[0]?.state).toBe('unknown')
})

test('an election nobody stood in is vacant', () => {
  const report = reportOf(
    backend,
    { answers: [peerStatus('a', { role: 'leader', quorum: true })], silent: [] },
    'x',
    7,
  )
  expect(report.elections).toMatchObject([{ name: 'x', state: 'vacant', leader: null }])
})

test('a missing quorum is told in one line: who answers, who does not, and why', () => {
  const silent = [{ peer: 'b', address: 'h:2', reason: 'ECONNREFUSED' }]
  const line = missingQuorum({ answers: [peerStatus('a', { role: 'candidate' })], silent }, 'raft')
  expect(line).toBe(
    'no quorum yet: 1 of 2 peers answer, 2 must. Answered: a (candidate); no answer from b at h:2 (ECONNREFUSED)',
  )
  expect(missingQuorum({ answers: [peerStatus('a', { quorum: true })], silent }, 'raft')).toBeUndefined()
})

test('peers that answer and do not hear each other yet are not said to be too few, and have roles in Raft alone', () => {
  const answers = [peerStatus('b', {}), peerStatus('c', {})]
  const silent = [{ peer: 'a', address: 'h:1', reason: 'ECONNREFUSED' }]
  expect(missingQuorum({ answers, silent }, 'bully')).toBe(
    'no quorum yet: 2 of 3 peers answer, but not yet each other. Answered: b, c; no answer from a at h:1 (ECONNREFUSED)',
  )
})
