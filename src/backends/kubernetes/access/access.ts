/** How to reach one API server, whatever it was read from. */

export interface Credentials {
  /** Value of the `Authorization` header. */
  readonly authorization?: string | undefined
  /** PEM, for mutual TLS. */
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

export interface ClusterAccess {
  /** `https://host:port/base` without a slash at the end. */
  readonly server: string
  /** Where leases go unless the user names a namespace. */
  readonly namespace: string
  /** PEM of the authorities to trust; undefined: the system's. Read anew for each connection, because it rotates. */
  readonly authorities: () => string | undefined
  /** Accept whatever certificate the server shows. */
  readonly skipVerification: boolean
  /** Checked instead of the host's name in the server's certificate. */
  readonly serverName?: string | undefined
  /** What to show the server now. `renew`: it refused what was returned last. */
  credentials(o: { readonly renew: boolean; readonly signal: AbortSignal }): Promise<Credentials>
}
