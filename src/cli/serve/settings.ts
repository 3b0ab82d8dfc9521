/** The settings that only `serve` has. */
import type { Setting } from '../setting.ts'
import { duration, oneOf, parseBoolean } from '../setting-parsers.ts'
import { parseListenAddress, showListenAddress } from './listen-address.ts'
import type { ListenAddress } from './listen-address.ts'

export type Compat = 'leader-elector'

export interface ServeSettingValues {
  readonly http: ListenAddress
  readonly httpTokenFile: string | undefined
  readonly httpInsecure: boolean
  readonly validFor: number
  readonly livezTolerance: number
  readonly compat: Compat | undefined
}

export const serveSettings: { readonly [Key in keyof ServeSettingValues]: Setting<ServeSettingValues[Key]> } =
  {
    http: {
      flag: '--http',
      placeholder: '<host:port>',
      help: 'where to answer; off loopback a token is needed',
      variable: 'MANDATE_HTTP',
      path: ['serve', 'http'],
      fallback: { host: '127.0.0.1', port: 4040 },
      parse: parseListenAddress,
      show: showListenAddress,
    },
    httpTokenFile: {
      flag: '--http-token-file',
      placeholder: '<file>',
      help: 'holds the bearer token that requests must bring (or MANDATE_HTTP_TOKEN holds it)',
      variable: 'MANDATE_HTTP_TOKEN_FILE',
      path: ['serve', 'httpTokenFile'],
      fallback: undefined,
      parse: (text) => ({ ok: true, value: text }),
      show: (file) => file,
    },
    httpInsecure: {
      flag: '--http-insecure',
      help: 'answer off loopback without a token',
      variable: 'MANDATE_HTTP_INSECURE',
      path: ['serve', 'httpInsecure'],
      fallback: false,
      parse: (text) => parseBoolean(text),
      parseFileValue: parseBoolean,
      show: String,
    },
    validFor: {
      flag: '--valid-for',
      placeholder: '<duration>',
      help: 'how long an answer of /leader may be acted upon; a resignation waits for the last one',
      variable: 'MANDATE_VALID_FOR',
      path: ['serve', 'validFor'],
      fallback: 1000,
      ...duration,
    },
    livezTolerance: {
      flag: '--livez-tolerance',
      placeholder: '<duration>',
      help: 'how long a lease may be over that nobody gave up, before /livez fails',
      variable: 'MANDATE_LIVEZ_TOLERANCE',
      path: ['serve', 'livezTolerance'],
      fallback: 20_000,
      ...duration,
    },
    compat: {
      flag: '--compat',
      placeholder: '<with>',
      help: 'leader-elector: answer GET / and /isLeader, and take the flags of that sidecar',
      variable: 'MANDATE_COMPAT',
      path: ['serve', 'compat'],
      fallback: undefined,
      ...oneOf('compat', ['leader-elector']),
    },
  }
