/** What the API server, or the way to it, said instead of doing what it was asked. */

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  /** HTTP status; 0: no answer at all. */
  readonly status: number
  /** Kubernetes' word for it (`Conflict`, `Forbidden`, `Expired`), or ''. */
  readonly reason: string
  /** `Retry-After`, in ms. */
  readonly retryAfterMs: number | undefined

  constructor(
    status: number,
    reason: string,
    message: string,
    o: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause })
    this.status = status
    this.reason = reason
    this.retryAfterMs = o.retryAfterMs
  }
}

/** From an answer that is no success. The body is a `Status` object, or whatever a proxy on the way put there. */
export function failureOf(
  status: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string,
): ApiFailure {
  const { reason, message } = statusOf(body)
  const retryAfterMs = retryAfterOf(headers['retry-after'])
  return new ApiFailure(
    status,
    reason,
    `${status}${reason === '' ? '' : ` ${reason}`}: ${message === '' ? 'the API server gave no reason' : message}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  )
}

function statusOf(body: string): { readonly reason: string; readonly message: string } {
  try {
    const value = JSON.parse(body) as { reason?: unknown; message?: unknown } | null
    return { reason: textOf(value?.reason), message: textOf(value?.message) }
  } catch {
    return { reason: '', message: body.slice(0, 200).trim() }
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 500) : ''
}

/** Seconds; the API server sends no dates. A day at most, so that no timer overflows. */
function retryAfterOf(header: string | readonly string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0]
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined
  return Math.min(Number(text), 86_400) * 1000
}
