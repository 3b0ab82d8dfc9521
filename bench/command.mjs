// What `mandate run` runs in a bench: says when it began, and, often, that it still runs.
import { writeSync } from 'node:fs'

const token = process.env['MANDATE_TOKEN']
const id = process.env['MANDATE_ID']
const say = (event) => {
  const at = Number(process.hrtime.bigint()) / 1e6
  writeSync(1, `${JSON.stringify({ at, pid: process.pid, id, event, token, untilMs: at })}\n`)
}
say('first-line')
setInterval(() => say('valid'), 5)
