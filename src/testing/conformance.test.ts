import assert from 'node:assert/strict'

import { describe, expect, it } from 'vitest'

import { playConformance } from '../../test/conformance/play.ts'
import { isMandateError } from '../errors.ts'
import { checkExclusivity } from '../backends/backend.ts'
import type { CandidacyRequest } from '../backends/backend.ts'
import { backendConformance, testBackend } from './conformance.ts'
import type { ConformanceCase, ConformanceSetup } from './conformance.ts'
import { candidacyWith, withFault } from './faulty-backends/afflict.ts'
import { alsoFailed, faultyBackends } from './faulty-backends.ts'
import { memoryConformance } from './memory-conformance.ts'

playConformance(memoryConformance(), [])

playConformance(
  narrowMemory(() => undefined),
  [],
)

it('registers every case with a test runner, by theme, what does not apply as skipped', () => {
  const heard: string[] = []
  const cases = testBackend(
    {
      describe: (name, body) => {
        heard.push(name)
        body()
      },
      it: Object.assign((name: string) => heard.push(name), { skip: (name: string) => heard.push(name) }),
    },
    memoryConformance(),
  )
  for (const { name, theme, skipped } of cases) {
    expect(heard).toContain(theme)
    expect(heard).toContain(skipped === undefined ? name : `${name} (skipped: ${skipped})`)
  }
})

/** The cases of one claim, in each of its modes. */
function casesOf(setup: ConformanceSetup, claim: string): readonly ConformanceCase[] {
  const cases = backendConformance(setup).filter((each) => claimOf(each.name) === claim)
  expect(cases, `'${claim}' is a case`).not.toHaveLength(0)
  return cases
}

async function expectFailure(setup: ConformanceSetup, claim: string): Promise<void> {
  const outcomes = await Promise.allSettled(casesOf(setup, claim).map((each) => each.run()))
  expect(
    outcomes.map((outcome) => outcome.status),
    `'${claim}' fails`,
  ).toContain('rejected')
}

describe('the suite catches a backend with', () => {
  for (const { bug, source, caughtBy, afflict } of faultyBackends) {
    it(`${bug} (${source})`, async () => {
      for (const claim of caughtBy) await expectFailure(afflict(memoryConformance()), claim)
    })
  }

  it('an exclusivity that its facts do not name', async () => {
    const lax = narrowMemory(({ exclusivity }) => (exclusivity === 'token' ? 'let in' : undefined))
    await expectFailure(lax, "an exclusivity of 'token' is refused where it is not supported")
  })

  it('a transfer that its facts do not name', async () => {
    const lax = narrowMemory(() => 'let in')
    await expectFailure(lax, 'a backend without transfer refuses it, and the leader stays')
  })
})

describe('no case passes whatever the backend does', () => {
  for (const [claim, bug] of alsoFailed) {
    it(`'${claim}' fails on ${bug}`, async () => {
      const faulty = faultyBackends.find((each) => each.bug === bug)
      assert.ok(faulty, `there is a faulty backend with ${bug}`)
      await expectFailure(faulty.afflict(memoryConformance()), claim)
    })
  }

  it('not one is left out', () => {
    const failed = new Set([
      ...faultyBackends.flatMap((each) => each.caughtBy),
      ...alsoFailed.map(([claim]) => claim),
    ])
    const claims = backendConformance(memoryConformance())
      .filter((each) => each.skipped === undefined)
      .map((each) => claimOf(each.name))
    expect(claims.filter((claim) => !failed.has(claim))).toEqual([])
  })
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

function claimOf(name: string): string {
  return name.replace(/ \((?:time|token)\)$/, '')
}

/** Memory that can less, and says so; `lax` names the requests that it lets in all the same. */
function narrowMemory(lax: (request: CandidacyRequest) => 'let in' | undefined): ConformanceSetup {
  const healthy = memoryConformance()
  const facts = { ...healthy.facts, exclusivity: ['time'], transfer: 'none', proclaim: false } as const
  return withFault({ ...healthy, name: 'memory that can less', facts }, () => ({
    facts: () => facts,
    enter: ({ inner }, request, on) => {
      const letIn = lax(request) === 'let in'
      if (!letIn) checkExclusivity(request.exclusivity, facts)
      const candidacy = inner.enter(request, on)
      return letIn ? candidacy : candidacyWith(candidacy, { transfer: () => Promise.resolve('refused') })
    },
  }))
}
