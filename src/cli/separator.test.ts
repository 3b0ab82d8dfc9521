import { expect, test } from 'vitest'
import { UsageError } from './exit-codes.ts'
import { quote, splitCommand } from './separator.ts'

const takesValue = (flag: string): boolean => ['--lease', '--id'].includes(flag)
const split = (...args: string[]) => splitCommand(args, takesValue)

test("what follows the first '--' is the command's, another '--' included", () => {
  expect(split('job', '--lease', '3s', '--', 'git', 'log', '--', 'x')).toEqual({
    own: ['job', '--lease', '3s'],
    command: ['git', 'log', '--', 'x'],
  })
})

test.each([
  [['job', 'node', 'x.js', '--port', '1'], 'mandate run job -- node x.js --port 1'],
  [['job', '--lease', '3s', 'node', 'x.js'], 'mandate run job --lease 3s -- node x.js'],
  [['--lease=3s', 'job', '--shell', 'a | b'], "mandate run --lease=3s job --shell -- 'a | b'"],
  [['job'], "mandate run job -- '<command>' …"],
  [['job', '--'], "mandate run job -- '<command>' …"],
  [[], "mandate run '<name>' -- '<command>' …"],
])('%j: the error shows the line as it should be', (args, line) => {
  expect(() => split(...args)).toThrow(UsageError)
  expect(() => split(...args)).toThrow(line.replaceAll("'<", '<').replaceAll(">'", '>'))
})

test('words are quoted for a shell to read again', () => {
  expect(quote("it's")).toBe(`'it'\\''s'`)
  expect(quote('a b')).toBe("'a b'")
  expect(quote('--x=/a:b')).toBe('--x=/a:b')
})
