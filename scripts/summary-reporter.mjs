import { writeSync } from 'node:fs'

/**
 * Counts a finished run the way its exit code does: a file that could not be loaded and an error outside of any
 * test are failures too, so that the counts can never say "0 failed" about a run that failed.
 */
export function countTests(testModules, unhandledErrors) {
  const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const testModule of testModules) {
    let failedHere = 0
    for (const test of testModule.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') counts.passed += 1
      else if (state === 'failed') failedHere += 1
      else counts.skipped += 1
    }
    if (failedHere === 0 && testModule.state() === 'failed') failedHere = 1
    counts.failed += failedHere
  }
  return counts
}

/** Ends the output of a test run with one line that both people and programs can read. */
export default class SummaryReporter {
  counts = { passed: 0, failed: 0, skipped: 0 }
  #absent

  /** @param {{ absent?: readonly string[] }} options the servers whose tests were left out */
  constructor({ absent = [] } = {}) {
    this.#absent = absent
  }

  onInit() {
    // At exit, because other reporters and the closing of workers may still print after the last test.
    process.once('exit', () => {
      const { passed, failed, skipped } = this.counts
      if (process.env['MANDATE_REQUIRE_SERVERS'] === 'all' && skipped > 0) {
        writeSync(1, `MANDATE_REQUIRE_SERVERS=all: ${skipped} skipped, and a skip counts as a failure.\n`)
        process.exitCode = 1
      }
      if (this.#absent.length > 0) {
        writeSync(
          1,
          `not run: tests of ${this.#absent.join(', ')}, which are not here: run \`npm run servers\`\n`,
        )
      }
      writeSync(1, `${passed} passed, ${failed} failed, ${skipped} skipped\n`)
    })
  }

  onTestRunEnd(testModules, unhandledErrors) {
    this.counts = countTests(testModules, unhandledErrors)
  }
}
