/**
 * Lets every microtask run, and those that they queue, inside one synchronous call: so a simulated event is over, with all
 * that its promises set off, before the next one begins, and no turn of the real event loop lies between.
 *
 * Waiting for the event loop (`setImmediate`) after each event would do the same and cost more than the event itself.
 * V8 has the call that is needed, as a runtime function: `%PerformMicrotaskCheckpoint()` empties the queue (10 ns when it
 * is empty). It is compiled once with the syntax for such functions switched on; an engine without it gets the slow way.
 * Inside a microtask the call does nothing, so whoever uses it must stand in a macrotask: `inMacrotasks` sees to it.
 */
import { setImmediate as nextMacrotask } from 'node:timers'
import { setFlagsFromString } from 'node:v8'

/** The exact and fast way; undefined on an engine that does not have it. */
export const drainMicrotasks: (() => void) | undefined = compileDrain()

function compileDrain(): (() => void) | undefined {
  try {
    setFlagsFromString('--allow-natives-syntax')
    // The text is fixed, and there is no other way to name a function of the engine.
    // oxlint-disable-next-line no-new-func typescript/no-implied-eval -- see above
    return new Function('%PerformMicrotaskCheckpoint()') as () => void
  } catch {
    return undefined
  } finally {
    setFlagsFromString('--no-allow-natives-syntax')
  }
}

/**
 * Calls `slice` in macrotasks of their own until it returns true. Between two of them Node looks at what was rejected and
 * not handled. A slice that needs its microtasks drained calls `drainMicrotasks`, or returns where there is none.
 */
export function inMacrotasks(slice: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        checkDrain()
        if (slice()) resolve()
        else nextMacrotask(turn)
      } catch (error) {
        reject(error)
      }
    }
    nextMacrotask(turn)
  })
}

/** A drain that does nothing would let time pass between an event and its consequences, unseen. */
function checkDrain(): void {
  if (drainMicrotasks === undefined) return
  let ran = false
  void Promise.resolve().then(() => (ran = true))
  drainMicrotasks()
  if (!ran) {
    throw new Error('microtasks do not run when drained: the simulation was entered from inside a microtask')
  }
}
