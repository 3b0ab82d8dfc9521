import { expect, it } from 'vitest'
import { nextCommands } from './next.ts'

it('names the command as it was started: a file of a clone, or the installed command', () => {
  expect(nextCommands('/clone/bin/mandate.js', '/clone')).toContain('\n  node bin/mandate.js demo ')
  expect(nextCommands('/usr/bin/mandate', '/clone')).toContain('\n  mandate demo ')
})

it('fits a terminal of 80 columns', () => {
  const lines = nextCommands('/clone/bin/mandate.js', '/clone').split('\n')
  expect(lines.filter((line) => line.length > 80)).toEqual([])
})
