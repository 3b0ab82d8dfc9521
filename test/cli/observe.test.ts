import { existsSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Stage, until } from './processes.ts'

let stage: Stage
beforeEach(() => void (stage = new Stage()))
afterEach(() => stage.close())

const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('the first line comes at once, every key is there, and tokens never fall', async () => {
  const states = [
    { id: 'a', token: 5 },
    { id: 'b', token: 3 },
    null,
    { id: 'c', token: 9007199254740993n.toString() },
  ]
  const observe = stage.start(['observe', 'job', '--config', stage.scripted({ observe: states })])
  await until(
    () => observe.stdout.includes('9007199254740993'),
    'the last state',
    () => observe.stderr,
  )
  const seen = lines(observe.stdout)
  expect(Object.keys(seen[0] ?? {})).toEqual([
    'schemaVersion',
    'command',
    'version',
    'at',
    'type',
    'election',
    'leader',
    'reason',
  ])
  expect(seen[0]).toMatchObject({
    type: 'led',
    leader: { id: 'a', token: '5', scope: 'script', metadata: {} },
  })
  const tokens = seen.flatMap(({ leader }) =>
    leader === null ? [] : [BigInt((leader as { token: string }).token)],
  )
  expect(tokens).toEqual(tokens.toSorted((x, y) => (x < y ? -1 : 1)))
  observe.kill('SIGTERM')
  expect(await observe.ended).toBe(0)
})

test('nobody reads any more: it ends with 0', async () => {
  const states = Array.from({ length: 500 }, (_, index) => ({ id: 'a', token: index + 1 }))
  const observe = stage.start(['observe', 'job', '--config', stage.scripted({ observe: states })])
  await until(
    () => observe.stdout.includes('\n'),
    'the first line',
    () => observe.stderr,
  )
  observe.process.stdout?.destroy()
  expect(await observe.ended).toBe(0)
})

test('nothing to tell within two seconds is told as unknown', async () => {
  const observe = stage.start(['observe', 'job', '--config', stage.scripted({ observe: [] })])
  await until(
    () => observe.stdout.includes('\n'),
    'the first line',
    () => observe.stderr,
  )
  expect(lines(observe.stdout)[0]).toMatchObject({ type: 'unknown', leader: null, reason: 'no answer yet' })
})

test('SIGPIPE is an ordinary end', async () => {
  const observe = stage.start(['observe', 'job', '--config', stage.scripted({ observe: [null] })])
  await until(
    () => observe.stdout.includes('\n'),
    'the first line',
    () => observe.stderr,
  )
  observe.kill('SIGPIPE')
  expect(await observe.ended).toBe(0)
})

test.runIf(existsSync('/dev/full'))('an answer that finds no room is no success', async () => {
  const whole = ['leader', 'status --json', 'observe'].map((words) => {
    const [command = '', ...flags] = words.split(' ')
    const config = stage.scripted({ observe: [{ id: 'a', token: 5 }] })
    // A shell opens it: what the test itself has opened would be a pipe.
    const through = ['sh', '-c', 'exec "$@" > /dev/full', 'sh']
    return stage.start([command, 'job', ...flags, '--config', config], {}, through)
  })
  for (const one of whole) {
    expect(await one.ended, one.stderr).toBe(69)
    expect(one.stderr).toContain('could not be written to stdout (ENOSPC)')
  }
})
