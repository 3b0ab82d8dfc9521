/** The coordination services that the CLI knows: one file and one line each. */
import type { Backend } from '../../backends/backend.ts'
import type { BackendDescription, ServiceDescription } from '../description.ts'
import { consulService } from './consul.ts'
import { etcdService } from './etcd.ts'
import type { Service, ServiceContext } from './service.ts'

export const services: readonly Service[] = [etcdService, consulService]

/** By a scheme of its URLs, or by the `type` of an object. */
export function serviceOf(name: string): Service | undefined {
  return services.find(({ schemes }) => schemes.includes(name))
}

/** Undefined: it is no service. */
export function serviceLeaseMs(description: BackendDescription): number | undefined {
  return services.find(({ type }) => type === description.type)?.leaseMs(description as ServiceDescription)
}

export function serviceFrom(description: ServiceDescription, context: ServiceContext): Promise<Backend> {
  const service = services.find(({ type }) => type === description.type)
  if (service === undefined) throw new TypeError(`no service '${description.type}'`)
  return service.create(description, context)
}
