/** What etcd makes of requests that arrive late, or twice; a real one does in `test/servers/etcd`. */
import { expect, it } from 'vitest'
import type { CallContext } from './cluster.ts'
import type { EtcdApi } from './grpc.ts'
import { replaceValue } from './requests.ts'

const key = 'billing/a1'
const lease = 7n
const bytes = (text: string): Uint8Array => Buffer.from(text)

interface Put {
  readonly request: { readonly value: { readonly value: Uint8Array } }
}

interface Compare {
  readonly targetUnion: { readonly case: 'createRevision' | 'modRevision'; readonly value: bigint }
}

/** One key of an etcd. */
function store(value: string) {
  const kv = { value: bytes(value), createRevision: 5n, modRevision: 5n }
  const txn = ({ compare, success }: { compare: readonly Compare[]; success: readonly Put[] }) => {
    const succeeded = compare.every(({ targetUnion: { case: field, value: wanted } }) => kv[field] === wanted)
    if (!succeeded) {
      const response = { case: 'responseRange', value: { kvs: [{ ...kv }] } }
      return Promise.resolve({ succeeded, responses: [{ response: { ...response, case: 'range' } }] })
    }
    kv.modRevision++
    kv.value = success[0]!.request.value.value
    return Promise.resolve({ succeeded, header: { revision: kv.modRevision }, responses: [] })
  }
  const api = { kv: { txn } } as unknown as EtcdApi
  const carryOut = (from: bigint, text: string) =>
    replaceValue(key, { revision: 5n, at: from }, bytes(text), lease)(api, {} as CallContext)
  return { kv, carryOut, text: () => Buffer.from(kv.value).toString() }
}

it('an attempt that lands after a newer value does not take that back', async () => {
  const { carryOut, text } = store('0')
  // The first attempt of '1' hangs; the second is answered, and then '2' is proclaimed.
  expect(await carryOut(5n, '1')).toEqual({ is: 'done', at: 6n })
  expect(await carryOut(6n, '2')).toEqual({ is: 'done', at: 7n })
  expect(await carryOut(5n, '1')).toEqual({ is: 'changed', at: 7n })
  expect(text()).toBe('2')
})

it('an attempt whose answer was lost is found done', async () => {
  const { carryOut } = store('0')
  await carryOut(5n, '1')
  expect(await carryOut(5n, '1')).toEqual({ is: 'done', at: 6n })
})

it('the key of somebody else is left as it is', async () => {
  const { kv, carryOut, text } = store('0')
  kv.createRevision = 9n
  kv.modRevision = 9n
  expect(await carryOut(9n, '1')).toEqual({ is: 'gone' })
  expect(text()).toBe('0')
})
