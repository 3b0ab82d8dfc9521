/** An error as a person reads it: the cause first, then what to do. */
import { isMandateError } from '../errors.ts'
import type { MandateErrorCode } from '../errors.ts'
import { UsageError } from './exit-codes.ts'

/** The fix that always applies to a code; the message itself names the value and what is special about it. */
const fixes: { readonly [Code in MandateErrorCode]?: string } = {
  DUPLICATE_ID: 'give every process its own --id, or wait until the other one has ended',
  CLUSTER_MISMATCH:
    'use the same engine and peers, in --backend, for every process of one cluster; a data folder belongs to one',
  INSECURE_LISTENER: 'listen on 127.0.0.1, or spell out that it is insecure in a network that you trust',
  ADDRESS_IN_USE: 'end the process that listens there, or choose another port (for a peer: in every URL)',
  DATA_DIR_IN_USE: 'end the process that uses the folder, or give this one its own with --data',
  DISK_FULL: 'free some space, then start this again; the other peers of a cluster go on without it',
  BACKEND_UNAVAILABLE: 'start what --backend names, and check that its addresses can be reached from here',
  TIMEOUT: 'check that a majority of the peers runs: mandate status',
  UNAUTHORIZED: 'check the credentials this backend reads from its variables or files',
  FORBIDDEN: 'give these credentials the rights that this backend needs',
  PROTOCOL_ERROR: 'check that the address is that of a peer of the same version',
  INTERNAL: 'this is a defect of Mandate: please report it with the lines above',
}

/** Cause, its causes, fix: without a stack, which helps nobody who did not write the code. */
export function explain(error: unknown): string {
  const lines = [`mandate: ${messageOf(error)}`]
  for (const cause of causesOf(error)) lines.push(`  because: ${cause}`)
  if (isMandateError(error, 'BACKEND_UNAVAILABLE')) {
    for (const { target, reason } of error.details.tried ?? []) lines.push(`  ${target}: ${reason}`)
  }
  const fix = isMandateError(error) ? fixes[error.code] : undefined
  if (fix !== undefined) lines.push(`  fix: ${fix}`)
  if (!isMandateError(error) && !(error instanceof UsageError) && error instanceof Error) {
    lines.push(...stackOf(error), `  fix: ${fixes.INTERNAL}`)
  }
  return lines.join('\n')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Where it happened, without the message again. */
function stackOf(error: Error): string[] {
  return (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
}

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let next = error instanceof Error ? error.cause : undefined
  while (next !== undefined && causes.length < 4) {
    causes.push(messageOf(next))
    next = next instanceof Error ? next.cause : undefined
  }
  return causes
}
