/**
 * The token in a row of PostgreSQL, checked in the transaction that writes: what is committed was written by the newest
 * leader that this database has seen. Trusts no clock.
 */
import { MandateError } from '../errors.ts'
import { checkFence, foreignScope, staleToken } from './guard.ts'
import type { Fence } from './guard.ts'

/** The one member that is used of a client of `pg`, or of one like it. One connection, not a pool. */
export interface PostgresClient {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

export interface PostgresGuardOptions {
  /** With its schema, if need be. @default 'mandate_fence' */
  readonly table?: string | undefined
}

export interface PostgresGuard {
  /** The statement that makes the table; for a migration of yours. */
  readonly schema: string
  /**
   * Call it inside your transaction, before or after your writes, and let its error roll everything back. Until the end of
   * the transaction no newer leader passes; transactions of one leader do not wait for each other.
   * @throws LEADERSHIP_LOST, CLUSTER_MISMATCH; INVALID_OPTIONS outside of a transaction; what the client throws
   */
  check(client: PostgresClient, fence: Fence): Promise<void>
}

/** @throws INVALID_OPTIONS */
export function postgresGuard({ table = 'mandate_fence' }: PostgresGuardOptions = {}): PostgresGuard {
  if (!/^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/.test(table))
    throw new MandateError(
      'INVALID_OPTIONS',
      `table is '${table}': expected a lower-case name, with its schema or without`,
      {
        option: 'table',
        value: table,
      },
    )
  return {
    schema: `CREATE TABLE IF NOT EXISTS ${table} (election text PRIMARY KEY, scope text NOT NULL, token bigint NOT NULL)`,
    async check(client, given) {
      const fence = checkFence(given)
      const values = [fence.election, fence.scope, fence.token.toString()]
      await assertInside(client, table)
      // A shared lock: it keeps a newer token out, and lets the other writes of this leader in.
      const shared = await client.query(
        `SELECT 1 FROM ${table} WHERE election = $1 AND scope = $2 AND token = $3 FOR SHARE`,
        values,
      )
      if (shared.rows.length > 0) return
      // Waits for whoever holds the row; then it is ours, or says why not.
      const raised = await client.query(
        `INSERT INTO ${table} AS seen (election, scope, token) VALUES ($1, $2, $3) ON CONFLICT (election) DO UPDATE ` +
          'SET token = EXCLUDED.token WHERE seen.scope = EXCLUDED.scope AND seen.token <= EXCLUDED.token RETURNING 1',
        values,
      )
      if (raised.rows.length > 0) return
      throw await refusal(client, table, fence)
    },
  }
}

/**
 * LOCK TABLE is refused where each statement is a transaction of its own, and so asks the server itself. This mode is that
 * of every SELECT.
 * @throws INVALID_OPTIONS
 */
async function assertInside(client: PostgresClient, table: string): Promise<void> {
  try {
    await client.query(`LOCK TABLE ${table} IN ACCESS SHARE MODE`, [])
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    throw code === NO_ACTIVE_TRANSACTION ? outsideOfTransaction() : error
  }
}

const NO_ACTIVE_TRANSACTION = '25P01'

async function refusal(client: PostgresClient, table: string, fence: Fence): Promise<MandateError> {
  const { rows } = await client.query(
    `SELECT scope, token::text AS token FROM ${table} WHERE election = $1`,
    [fence.election],
  )
  const { scope, token } = (rows[0] ?? {}) as { readonly scope?: unknown; readonly token?: unknown }
  if (typeof scope === 'string' && scope !== fence.scope) return foreignScope(fence, scope)
  return staleToken(fence, typeof token === 'string' ? BigInt(token) : undefined)
}

function outsideOfTransaction(): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    'the token is checked outside of a transaction, where it protects nothing: send BEGIN before, on the same client ' +
      '(not a pool), and COMMIT after the writes',
    { option: 'client', expected: 'a client with an open transaction' },
  )
}
