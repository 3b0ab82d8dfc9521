/** `mandate serve NAME`: a candidate that answers over HTTP whether it leads, for programs in any language. */
import { dirname } from 'node:path'
import { MandateError } from '../../errors.ts'
import { backendFrom } from '../backend-from.ts'
import type { CommandContext } from '../command.ts'
import { requireBackend, resolveConfig, wantsJson } from '../config.ts'
import type { Resolved } from '../config.ts'
import { checkElectionName } from '../election-name.ts'
import { exitCode } from '../exit-codes.ts'
import { hasTokens } from '../has-tokens.ts'
import { reportSparingly } from '../report-sparingly.ts'
import { RunLog } from '../run-log.ts'
import { untilStopped } from '../until-stopped.ts'
import { bearerCheck, tokenVariable } from './bearer.ts'
import type { BearerCheck } from './bearer.ts'
import { Failures } from './failures.ts'
import { isLocal, showListenAddress } from './listen-address.ts'
import { translateOldFlags } from './old-flags.ts'
import { Service } from './service.ts'

const nowMs = (): number => performance.now()

export async function serve(given: CommandContext): Promise<number> {
  const stopped = untilStopped()
  const context = translateOldFlags(given)
  const [election = ''] = context.operands
  checkElectionName(election)
  const resolved = await resolveConfig(context)
  const bearer = bearerFor(resolved, context)
  const log = logFor(election, resolved)
  const failures = new Failures(
    nowMs,
    reportSparingly((text) => log.warn('background', text)),
  )
  const backend = await backendFrom(requireBackend(resolved), {
    onBackgroundFailure: failures.hear,
    warn: (text) => log.warn('backend', text),
  })
  const id = resolved.id.value ?? backend.defaultCandidateId ?? `candidate-${backend.env.random.id()}`
  log.identify(id)
  if (!hasTokens(backend)) throw advisory()
  const service = new Service(
    {
      election,
      id,
      priority: resolved.priority.value,
      metadata: resolved.metadata.value,
      exclusivity: resolved.exclusivity.value,
      leaseMs: resolved.lease.value ?? backend.timing.leaseMs,
      http: resolved.http.value,
      bearer,
      validForMs: validFor(resolved),
      livezToleranceMs: resolved.livezTolerance.value,
      compat: resolved.compat.value,
      json: wantsJson(context),
    },
    backend,
    log,
    failures,
  )
  try {
    const signal = await service.run(stopped)
    log.end({ code: exitCode.done, whose: 'mandate', why: `asked to stop by ${signal}` })
    return exitCode.done
  } finally {
    await log.flush(1000)
  }
}

function logFor(election: string, { id, logFormat, logLevel }: Resolved): RunLog {
  return new RunLog({
    election,
    id: id.value ?? '',
    format: logFormat.value,
    level: logLevel.value,
    env: process.env,
  })
}

function validFor({ validFor: { value, source } }: Resolved): number {
  if (value > 0) return value
  const message = `valid-for is 0 (${source}): nobody could ever act upon an answer. Write at least 100ms.`
  throw new MandateError('INVALID_OPTIONS', message, { option: 'valid-for', value })
}

/** Off loopback others can ask, so who asks has to show that he may. @throws INSECURE_LISTENER */
function bearerFor(resolved: Resolved, { env, cwd }: CommandContext): BearerCheck | undefined {
  const { http, httpTokenFile, httpInsecure } = resolved
  // Relative paths in a configuration file count from it.
  const { value: file, source } = httpTokenFile
  const from = source.startsWith('file ') ? dirname(source.slice('file '.length)) : cwd
  const bearer = bearerCheck({ file, env, cwd: from, nowMs })
  if (bearer !== undefined || httpInsecure.value || isLocal(http.value)) return bearer
  const address = showListenAddress(http.value)
  const message =
    `${address} (${http.source}) can be reached by others, and no token is set: give --http-token-file FILE, ` +
    `set ${tokenVariable}, or spell out --http-insecure. A program in the same pod reaches 127.0.0.1 as well.`
  throw new MandateError('INSECURE_LISTENER', message, { address })
}

/** What it answers is a token, and that it may be acted upon: an advisory election has neither. */
function advisory(): MandateError<'UNSUPPORTED'> {
  return new MandateError(
    'UNSUPPORTED',
    'mandate serve answers with a fencing token, and with quorum=false there is none: each part of a split network has a ' +
      'leader. Use a quorum, or mandate run.',
    { feature: 'an advisory election' },
  )
}
