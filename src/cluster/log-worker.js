// @ts-check
/**
 * The thread that writes the log: synchronous calls on a thread of its own, because libuv's pool is shared with the
 * application (an fdatasync waited 5.8 s behind eight hashes). JavaScript, so that it is one file in the sources, under
 * test and in the build; it imports nothing of ours.
 *
 * In: the payload of a batch (Uint8Array), or null to end. Out: `Written` for every fsync. Whatever has arrived when one
 * fsync ends goes into the next as one group (see log-format.ts). After an error nothing more is written.
 */
import { fdatasyncSync, writevSync } from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'

/**
 * @typedef {object} Written
 * @property {number} batches How many batches, in order, this answers.
 * @property {number} bytes Size of the file after it.
 * @property {{ readonly code: string, readonly message: string }} [error] Why they are not on disk.
 */

const HEADER_BYTES = 20
const { fd } = /** @type {{ fd: number }} */ (workerData)
let { position, sequence } = /** @type {{ position: number, sequence: number }} */ (workerData)
/** @type {{ code: string, message: string } | undefined} */
let failure
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort)

port.on('message', (/** @type {Uint8Array | null} */ first) => {
  /** @type {Uint8Array[]} */
  const batches = []
  /** @type {Uint8Array | null} */
  let next = first
  while (next !== null) {
    batches.push(next)
    const more = receiveMessageOnPort(port)
    if (more === undefined) break
    next = more.message
  }
  if (batches.length > 0) {
    if (failure === undefined) writeGroup(batches)
    /** @type {Written} */
    const written = {
      batches: batches.length,
      bytes: position,
      ...(failure !== undefined && { error: failure }),
    }
    port.postMessage(written)
  }
  if (next === null) port.close()
})

/** @param {readonly Uint8Array[]} batches */
function writeGroup(batches) {
  try {
    let length = 0
    let payloadCrc = 0
    for (const batch of batches) {
      length += batch.length
      payloadCrc = crc32(batch, payloadCrc)
    }
    const head = Buffer.alloc(HEADER_BYTES)
    head.write('MLOG', 'latin1')
    head.writeUInt32BE(length, 4)
    head.writeUInt32BE(sequence, 8)
    head.writeUInt32BE(payloadCrc, 12)
    head.writeUInt32BE(crc32(head.subarray(0, 16)), 16)
    writeAll([head, ...batches])
    fdatasyncSync(fd)
    sequence += 1
  } catch (error) {
    const { code = 'unknown', message } = /** @type {NodeJS.ErrnoException} */ (error)
    failure = { code, message }
  }
}

/** @param {readonly Uint8Array[]} parts */
function writeAll(parts) {
  let rest = parts
  while (rest.length > 0) {
    // The kernel takes at most IOV_MAX parts at once, and perhaps fewer bytes than it is given.
    const taken = writevSync(fd, rest.slice(0, 512), position)
    position += taken
    rest = without(rest, taken)
  }
}

/**
 * @param {readonly Uint8Array[]} parts
 * @param {number} bytes How many of their first bytes are written.
 */
function without(parts, bytes) {
  let left = bytes
  const rest = []
  for (const part of parts) {
    if (left < part.length) rest.push(left === 0 ? part : part.subarray(left))
    left = Math.max(0, left - part.length)
  }
  return rest
}
