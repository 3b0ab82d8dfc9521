/** A test with a stage of its own, so that several can be played at once: `describe(…, { concurrent: true }, …)`. */
import { test as base } from 'vitest'
import type { TestAPI } from 'vitest'
import { Stage } from './processes.ts'

/** Each test starts three processes and more; two cores must not be so busy that a lease of a second is lost. */
const atOnce = 4

let playing = 0
const waiting: (() => void)[] = []

async function enter(): Promise<void> {
  if (playing === atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
  else playing++
}

function leave(): void {
  const next = waiting.shift()
  if (next === undefined) playing--
  else next()
}

export const test: TestAPI<{ stage: Stage }> = base.extend<{ stage: Stage }>({
  stage: async ({ task: _task }, use) => {
    await enter()
    const stage = new Stage()
    try {
      await use(stage)
    } finally {
      await stage.close()
      leave()
    }
  },
})
