/** The coordination services that the CLI knows: one file and one line each. */
import type { Backend } from '../../backends/backend.ts'
import type { BackendDescription, ServiceDescription } from '../description.ts'
import { consulService } from './consul.ts'
import { etcdService } from './etcd.ts'
import { kubernetesService } from './kubernetes.ts'
import { zookeeperService } from './zookeeper.ts'
import type { Service, ServiceContext } from './service.ts'

export const services: readonly Service[] = [etcdService, consulService, zookeeperService, kubernetesService]

/** By a scheme of its URLs, or by the `type` of an object. */
export function serviceOf(name: string): Service | undefined {
  return services.find(({ schemes }) => schemes.includes(name))
}

/** Undefined: it is no service. */
export function serviceLeaseMs(description: BackendDescription): number | undefined {
  return services.find(({ type }) => type === description.type)?.leaseMs(description as ServiceDescription)
}

/** What is left of a lease between two renewals that come in time. */
export function leastRemainingMs(description: BackendDescription, leaseMs: number): number {
  const service = services.find(({ type }) => type === description.type)
  return service?.leastRemainingMs?.(description as ServiceDescription, leaseMs) ?? 0.9 * leaseMs
}

/** So long without contact, and a leader gives up. */
export function usedMs(description: BackendDescription, leaseMs: number): number {
  const service = services.find(({ type }) => type === description.type)
  return service?.usedMs?.(description as ServiceDescription, leaseMs) ?? leaseMs
}

/** From the death of a leader's machine to its successor, at most. */
export function takeoverMs(description: BackendDescription, leaseMs: number): number {
  const service = services.find(({ type }) => type === description.type)
  return service?.takeoverMs?.(description as ServiceDescription, leaseMs) ?? leaseMs
}

/** What its timing means, for a backend that can tell. */
export function serviceFigures(
  description: BackendDescription,
  leaseMs: number | undefined,
): Readonly<Record<string, number>> {
  const known = services.find(({ type }) => type === description.type)
  const own = description as ServiceDescription
  return known?.figures?.(own, leaseMs ?? known.leaseMs(own)) ?? {}
}

export function serviceFrom(description: ServiceDescription, context: ServiceContext): Promise<Backend> {
  const service = services.find(({ type }) => type === description.type)
  if (service === undefined) throw new TypeError(`no service '${description.type}'`)
  return service.create(description, context)
}
