import { describe, expect, test } from 'vitest'
import { interpretBackendObject } from '../backend-object.ts'
import { backendFrom } from '../backend-from.ts'
import type { KubernetesDescription } from '../description.ts'
import { parseBackendUrl } from '../url.ts'

const parse = (url: string) => parseBackendUrl(url, '/base')

describe('k8s://', () => {
  test('a namespace and keys, also as kubernetes://', () => {
    const rest = 'jobs?preset=fast&lock=configmaps&lease=billing-leader&context=prod&scope=prod&token-base=7'
    expect(parse(`k8s://${rest}`)).toEqual({
      type: 'kubernetes',
      namespace: 'jobs',
      preset: 'fast',
      lock: 'configmaps',
      lease: 'billing-leader',
      context: 'prod',
      scope: 'prod',
      tokenBase: '7',
    } satisfies KubernetesDescription)
    expect(parse(`kubernetes://${rest}`)).toEqual(parse(`k8s://${rest}`))
  })

  test("needs no namespace: then it is the pod's or the context's", () => {
    expect(parse('k8s://')).toEqual({ type: 'kubernetes' })
  })

  test.each([
    ['k8s://a,b', 'names one namespace'],
    ['k8s://jobs:6443', 'names one namespace'],
    ['k8s://jobs/billing', 'has no path'],
    ['k8s://jobs?preset=slow', 'use fast or default or calm'],
    ['k8s://jobs?lock=leases', 'use lease or endpoints or configmaps'],
    ['k8s://jobs?nope=1', 'known: preset, lock'],
    ['k8s://jobs?token=hunter2', "'token' is a secret"],
  ])('%s is refused', (url, problem) => {
    expect(() => parse(url)).toThrow(problem)
  })
})

describe('{ type: kubernetes }', () => {
  test('means what the URL means', () => {
    const problems: string[] = []
    const object = { type: 'kubernetes', namespace: 'jobs', preset: 'calm', lease: 'x', tokenBase: 7 }
    expect(interpretBackendObject(object, '/base', problems)).toEqual(
      parse('k8s://jobs?preset=calm&lease=x&token-base=7'),
    )
    expect(problems).toEqual([])
  })

  test('makes a backend with the lease of its preset', async () => {
    const backend = await backendFrom(parse('k8s://jobs?preset=fast'), {
      warn: () => undefined,
      onBackgroundFailure: () => undefined,
    })
    expect(backend.timing.leaseMs).toBe(1000)
    await backend.close()
  })
})
