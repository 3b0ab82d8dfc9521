import { describe, expect, it } from 'vitest'

import { isMandateError } from '../errors.ts'
import { backendConformance, testBackend } from './conformance.ts'
import { faultyBackends } from './faulty-backends.ts'
import { memoryConformance } from './memory-conformance.ts'

testBackend({ describe, it }, memoryConformance())

describe('the suite catches a backend with', () => {
  for (const { bug, source, caughtBy, afflict } of faultyBackends) {
    it(`${bug} (${source})`, async () => {
      const cases = backendConformance(afflict(memoryConformance())).filter(
        (each) => each.name === caughtBy || each.name.startsWith(`${caughtBy} (`),
      )
      expect(cases, 'the case that catches it exists').not.toHaveLength(0)
      const outcomes = await Promise.allSettled(cases.map((each) => each.run()))
      expect(outcomes.map((outcome) => outcome.status)).toContain('rejected')
    })
  }
})

describe('backendConformance', () => {
  it('gives every case a name of its own', () => {
    const names = backendConformance(memoryConformance()).map((each) => each.name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('refuses a skip that names no case', () => {
    const skip = [{ case: 'no such claim', reason: 'none' }]
    expect(() => backendConformance({ ...memoryConformance(), skip })).toThrow(
      expect.toSatisfy((error) => isMandateError(error, 'INVALID_OPTIONS')),
    )
  })

  it('reports what it does not run, with the reason', () => {
    const claim = 'a higher priority does not push out a leader'
    const absent = { crash: 'its processes cannot be killed' }
    const skip = [{ case: claim, reason: 'it preempts' }]
    const cases = backendConformance({ ...memoryConformance(), absent, skip })
    const reasons = new Set(cases.map((each) => each.skipped))
    expect(reasons).toContain('no crash here: its processes cannot be killed')
    expect(cases.filter((each) => each.name.startsWith(claim)).map((each) => each.skipped)).toEqual([
      'it preempts',
      'it preempts',
    ])
  })

  it('fails a case whose hook is neither provided nor declared absent', async () => {
    const healthy = memoryConformance()
    const setup = {
      ...healthy,
      create: async () => {
        const { crash: _crash, ...rest } = await healthy.create()
        return rest
      },
    }
    const needing = backendConformance(setup).find((each) => each.name.startsWith('after a crash'))
    await expect(needing?.run()).rejects.toThrow('neither provided nor declared absent')
  })
})
