/** What a failed request means for a candidate, with the way out in the message. */
import { isMandateError, MandateError } from '../../errors.ts'
import { ApiFailure } from './api-failure.ts'
import type { LockFormat } from './lock-format.ts'
import { roleFor } from './role.ts'

export interface Target {
  readonly server: string
  readonly namespace: string
  readonly lease: string
  readonly format: LockFormat
}

export function asMandateError(error: unknown, verb: string, target: Target): unknown {
  if (isMandateError(error) || !(error instanceof ApiFailure)) return error
  const { status } = error
  const what = `${verb} of ${target.format.kind} ${target.namespace}/${target.lease}`
  if (status === 401) {
    const message = `${target.server} does not accept the credentials (${what}): ${error.message}`
    return new MandateError('UNAUTHORIZED', message, { reason: error.message }, { cause: error })
  }
  if (status === 403) {
    const message = `${target.server} forbids it (${what}): ${error.message}\nThis Role allows it:\n${roleFor(target)}`
    return new MandateError('FORBIDDEN', message, { reason: error.message }, { cause: error })
  }
  if (status === 400 || status === 422) {
    const details = { option: 'lease', value: `${target.namespace}/${target.lease}`, expected: error.message }
    return new MandateError(
      'INVALID_OPTIONS',
      `${target.server} refuses it (${what}): ${error.message}`,
      details,
      {
        cause: error,
      },
    )
  }
  const details = { tried: [{ target: target.server, reason: error.message }] }
  return new MandateError('BACKEND_UNAVAILABLE', `${what}: ${error.message}`, details, { cause: error })
}
