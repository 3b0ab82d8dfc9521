/** What a server answers when it refuses (`KeeperException.Code`). */
const names: ReadonlyMap<number, string> = new Map([
  [0, 'OK'],
  [-1, 'SYSTEMERROR'],
  [-2, 'RUNTIMEINCONSISTENCY'],
  [-3, 'DATAINCONSISTENCY'],
  [-4, 'CONNECTIONLOSS'],
  [-5, 'MARSHALLINGERROR'],
  [-6, 'UNIMPLEMENTED'],
  [-7, 'OPERATIONTIMEOUT'],
  [-8, 'BADARGUMENTS'],
  [-100, 'APIERROR'],
  [-101, 'NONODE'],
  [-102, 'NOAUTH'],
  [-103, 'BADVERSION'],
  [-108, 'NOCHILDRENFOREPHEMERALS'],
  [-110, 'NODEEXISTS'],
  [-111, 'NOTEMPTY'],
  [-112, 'SESSIONEXPIRED'],
  [-113, 'INVALIDCALLBACK'],
  [-114, 'INVALIDACL'],
  [-115, 'AUTHFAILED'],
  [-118, 'SESSIONMOVED'],
  [-119, 'NOTREADONLY'],
  [-120, 'EPHEMERALONLOCALSESSION'],
  [-122, 'REQUESTTIMEOUT'],
  [-124, 'SESSIONCLOSEDREQUIRESASLAUTH'],
  [-125, 'QUOTAEXCEEDED'],
  [-127, 'THROTTLEDOP'],
])

export function errorName(code: number): string {
  return names.get(code) ?? `ERROR${code}`
}

/** A server's refusal of one request, or the end of the session that carried it. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError'
  /** As ZooKeeper calls it: `NONODE`, `NOAUTH`, `CONNECTIONLOSS`, … */
  readonly code: string
  readonly path: string | undefined
  /** Of ANSWERTOOLONG, which this client says, and no server: bytes. */
  readonly size: { readonly length: number; readonly max: number } | undefined

  constructor(code: string, path?: string, size?: { readonly length: number; readonly max: number }) {
    super(path === undefined ? code : `${code} for ${path}`)
    this.code = code
    this.path = path
    this.size = size
  }
}

export function isZooKeeperError(error: unknown, ...codes: readonly string[]): error is ZooKeeperError {
  return error instanceof ZooKeeperError && (codes.length === 0 || codes.includes(error.code))
}
