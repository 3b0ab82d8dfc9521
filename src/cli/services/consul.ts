/** `consul://127.0.0.1:8500/prefix?ttl=10s`, and `{ type: consul, … }`. The ACL token comes from CONSUL_HTTP_TOKEN. */
import {
  consulFrom,
  consulKeys,
  consulLeaseMs,
  consulLeastRemainingMs,
  consulTakeoverMs,
  interpretConsulObject,
  interpretConsulUrl,
} from '../consul-backend.ts'
import type { ConsulDescription } from '../description.ts'
import { refuseUnknownKeys } from '../url-keys.ts'
import type { Service } from './service.ts'

export const consulService: Service<ConsulDescription> = {
  type: 'consul',
  schemes: ['consul'],
  fromUrl: (url, baseDir, problems) => {
    refuseUnknownKeys(url, consulKeys, problems)
    return interpretConsulUrl(url, baseDir, problems)
  },
  fromObject: (fields, baseDir, problems) => interpretConsulObject({ ...fields }, baseDir, problems),
  leaseMs: consulLeaseMs,
  leastRemainingMs: consulLeastRemainingMs,
  takeoverMs: consulTakeoverMs,
  create: consulFrom,
}
