// Tells how long each fsync of the log takes, without a hook in the product: the log's thread gets this module as well,
// which wraps `fdatasyncSync` before the thread's own code imports it.
import fs, { writeSync } from 'node:fs'
import { setImmediate } from 'node:timers'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const here = import.meta.url
const threads = createRequire(here)('node:worker_threads')

/** In the main thread, before the product is imported. */
function probeThreads() {
  const { Worker } = threads
  threads.Worker = class extends Worker {
    constructor(file, options) {
      super(file, { ...options, execArgv: [...(options.execArgv ?? []), '--import', here] })
    }
  }
  syncBuiltinESMExports()
}

function probeFsyncs() {
  const { fdatasyncSync } = fs
  fs.fdatasyncSync = (fd) => {
    const since = process.hrtime.bigint()
    fdatasyncSync(fd)
    const at = process.hrtime.bigint()
    const line = { at: Number(at) / 1e6, event: 'fsync', ms: Number(at - since) / 1e6 }
    // After the answer to the waiting peer has gone out: the probe stays out of what is measured.
    setImmediate(() => writeSync(1, `${JSON.stringify(line)}\n`))
  }
  syncBuiltinESMExports()
}

if (isMainThread) probeThreads()
else probeFsyncs()
