/** Plays the conformance suite in our own test run, where a skipped test counts as a failure. */
import { describe, expect, it } from 'vitest'
import type { Guarantee } from '../../src/index.ts'
import { backendConformance, type ConformanceSetup } from '../../src/testing/conformance.ts'

/** What a backend's facts rule out needs no further word. */
const toldByFacts = /^(it supports|it does not support|its (order|transfer) is) /

/**
 * Registers the cases that apply. What does not apply is no skipped test but a claim of its own: `leftOut` lists every
 * other reason, so that nobody leaves out one more case without a line in a test.
 */
export function playConformance(setup: ConformanceSetup<Guarantee>, leftOut: readonly string[]): void {
  const cases = backendConformance(setup)
  describe(`${setup.name} conforms`, () => {
    for (const each of cases)
      if (each.skipped === undefined) it(`${each.theme}: ${each.name}`, () => each.run())
    it('leaves out only what it says', () => {
      const reasons = cases.flatMap(({ skipped }) => (skipped === undefined ? [] : [skipped]))
      const declared = new Set(reasons.filter((reason) => !toldByFacts.test(reason)))
      expect([...declared].toSorted()).toEqual([...leftOut].toSorted())
    })
  })
}
