import { expect, test } from 'vitest'
import { parse } from '../../testing/backend-descriptions.ts'
import { leastRemainingMs, serviceFigures, takeoverMs, usedMs } from './index.ts'

const left = (url: string, leaseMs: number) => leastRemainingMs(parse(url), leaseMs)
const takeover = (url: string, leaseMs: number) => takeoverMs(parse(url), leaseMs)

test('a grace is measured against what is left of a lease just before it is renewed', () => {
  // Renewed each third of the lease, and the check of Consul each quarter.
  expect(left('etcd://h', 6000)).toBeLessThan(4000)
  expect(left('consul://h', 9000)).toBeLessThan(6000)
  expect(left('consul://h?check=4s', 4000)).toBeLessThan(3000)
  // The session behind a long check is renewed each third all the same.
  expect(left('consul://h?ttl=10s&check=10s', 10_000)).toBeLessThan(6667)
})

test('the worst takeover of Consul counts the session twice, and the lock delay', () => {
  expect(takeover('consul://h', 10_000)).toBe(21_000)
  expect(takeover('consul://h?ttl=20s&lock-delay=0s', 15_000)).toBe(30_000)
  // With the machine its agent is gone, which would have told that the check fails.
  expect(takeover('consul://h?check=3s', 3000)).toBe(20_750)
  expect(takeover('etcd://h', 5000)).toBe(5000)
})

test('a leader on Kubernetes gives up at its renew deadline, before its lease is over', () => {
  const k8s = parse('k8s://')
  expect(usedMs(k8s, 15_000)).toBe(10_000)
  expect(usedMs(k8s, 6000)).toBe(4000)
  // A third of the deadline passes until a renewal, and a third may pass until its answer.
  expect(left('k8s://', 15_000)).toBeCloseTo(3333.33, 1)
  expect(usedMs(parse('etcd://h'), 6000)).toBe(6000)
})

test('what a timing means is told where the backend knows it', () => {
  expect(serviceFigures(parse('k8s://?preset=calm'), undefined)).toMatchObject({
    leaseMs: 137_000,
    renewDeadlineMs: 107_000,
    retryMs: 26_000,
  })
  expect(serviceFigures(parse('etcd://h'), undefined)).toEqual({})
})
