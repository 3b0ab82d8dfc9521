import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { schedules } from './index.ts'

it.each(schedules)('$name: $claim', async (schedule) => {
  await schedule.run()
})

it('are all of those in the folder, by the names of their files', () => {
  const files = readdirSync(import.meta.dirname)
    .filter(
      (file) => file.endsWith('.ts') && !['index.ts', 'schedule.ts', 'schedules.test.ts'].includes(file),
    )
    .map((file) => file.replace(/\.ts$/, ''))
  expect(files.toSorted()).toEqual(schedules.map(({ name }) => name).toSorted())
})
