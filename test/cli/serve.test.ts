import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Cluster, peerIds } from './cluster.ts'
import { Stage, until } from './processes.ts'
import type { Mandate } from './processes.ts'

let stage: Stage
beforeEach(() => void (stage = new Stage()))
afterEach(() => stage.close())

const token = '0123456789abcdef0123456789abcdef'
const inMemory = { MANDATE_BACKEND: 'memory://' }
const anyPort = ['--http', '127.0.0.1:0', '--json']
/** For tests in which a busy machine must not cost a leadership. */
const longLease = ['--lease', '30s']

interface Got {
  readonly status: number
  readonly text: string
}

async function get(url: string, path: string, headers: Record<string, string> = {}): Promise<Got> {
  const response = await fetch(`${url}${path}`, { headers })
  return { status: response.status, text: await response.text() }
}

/** Where it answers, as it says on stdout. */
async function urlOf(serve: Mandate): Promise<string> {
  await until(
    () => serve.stdout.includes('\n'),
    'the address',
    () => serve.stderr,
  )
  const line = JSON.parse(serve.stdout.split('\n')[0] ?? '') as { readonly url: string }
  return line.url
}

/** Polls until an answer is as it should be. */
async function answers(
  serve: Mandate,
  url: string,
  path: string,
  good: (got: Got) => boolean,
  headers: Record<string, string> = {},
): Promise<Got> {
  let last: Got = { status: 0, text: '' }
  for (const end = performance.now() + 20_000; performance.now() < end;) {
    last = await get(url, path, headers)
    if (good(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${path} answered ${last.status} ${last.text} to the end\n${serve.stderr}`)
}

const led = ({ status }: Got): boolean => status === 200

describe('mandate serve', () => {
  test('answers that it leads, streams it, counts it, and gives it back when it is asked to stop', async () => {
    const args = ['serve', 'billing', ...anyPort, ...longLease, '--id', 'me', '--log-format', 'json']
    const serve = stage.start(args, inMemory)
    const url = await urlOf(serve)
    const leader = await answers(serve, url, '/leader', led)
    const body = JSON.parse(leader.text) as { candidate: { validForMs: number } }
    expect(body).toMatchObject({
      election: 'billing',
      state: 'led',
      leader: { id: 'me' },
      candidate: { leads: true },
    })
    expect(body.candidate.validForMs).toBeLessThanOrEqual(1000)
    expect((await get(url, '/v1/elections/billing')).text).toContain('"leads":true')
    expect((await get(url, '/livez')).text).toBe('ok\n')
    expect((await get(url, '/readyz')).text).toBe('ok\n')
    const metrics = (await get(url, '/metrics')).text
    expect(metrics).toContain('leader_election_master_status{name="billing"} 1\n')
    expect(metrics).toContain('leader_election_slowpath_total{name="billing"} 0\n')
    expect(metrics).toContain('mandate_elections_won_total{election="billing"} 1\n')
    expect(metrics).toMatch(/mandate_http_requests_total\{route="\/leader",code="200"\} [1-9]/)
    const stream = await fetch(`${url}/v1/elections/billing/events`)
    const events = new Response(stream.body).text()
    serve.kill('SIGTERM')
    expect(await events).toMatch(/"leads":true[\s\S]*"leads":false/)
    expect(await serve.ended).toBe(0)
    expect(serve.events('elected')).toMatchObject([{ id: 'me', election: 'billing' }])
    expect(serve.events('resigned')).toHaveLength(1)
    expect(serve.events().at(-1)).toMatchObject({ event: 'exited', exitCode: 0, reason: 'mandate' })
  })

  test('after a pause longer than its lease, the request that waited is told that it does not lead', async () => {
    const config = stage.scripted({})
    const serve = stage.start(['serve', 'billing', ...anyPort, '--config', config, '--log-format', 'json'])
    const url = await urlOf(serve)
    await answers(serve, url, '/leader', led)
    const leaseMs = 1000
    serve.kill('SIGSTOP')
    const stoppedAt = performance.now()
    const asked = get(url, '/leader')
    // Whatever it renewed last has run out by then.
    await until(() => performance.now() - stoppedAt > leaseMs, 'the end of its lease')
    serve.kill('SIGCONT')
    expect((await asked).status).toBe(503)
    await until(
      () => serve.events('lost').length > 0,
      'the loss',
      () => serve.stderr,
    )
    await answers(serve, url, '/leader', led)
  })

  test('a loss is answered at once, and it stands again', async () => {
    const loss = join(stage.folder, 'lose')
    const config = stage.scripted({ loseOnFile: loss })
    const serve = stage.start(['serve', 'billing', ...anyPort, '--config', config, '--log-format', 'json'])
    const url = await urlOf(serve)
    const first = await answers(serve, url, '/leader', led)
    writeFileSync(loss, '')
    await until(
      () => serve.events('lost').length > 0,
      'the loss',
      () => serve.stderr,
    )
    const again = await answers(serve, url, '/leader', led)
    const tokenOf = ({ text }: Got): bigint =>
      BigInt((JSON.parse(text) as { candidate: { token: string } }).candidate.token)
    expect(tokenOf(again)).toBeGreaterThan(tokenOf(first))
    const metrics = (await get(url, '/metrics')).text
    expect(metrics).toContain('mandate_leaderships_ended_total{election="billing",reason="revoked"} 1\n')
  })

  test('is ready when the backend answers, and does not wait for a leadership', async () => {
    const config = stage.scripted({ win: false, observe: [{ id: 'b', token: 3 }] })
    const serve = stage.start(['serve', 'billing', ...anyPort, '--config', config])
    const url = await urlOf(serve)
    await answers(serve, url, '/readyz', led)
    expect(await get(url, '/leader')).toMatchObject({
      status: 503,
      text: expect.stringContaining('"id":"b"'),
    })
    expect((await get(url, '/livez')).status).toBe(200)
  })

  test('of three, one leads; when it is asked to stop the next one does', { timeout: 180_000 }, async () => {
    const cluster = await Cluster.plan(stage)
    const serves = peerIds.map((id) =>
      stage.start(['serve', 'billing', ...anyPort, '--self', id, '--data', `./data/${id}`], {
        MANDATE_BACKEND: cluster.url,
      }),
    )
    const urls = await Promise.all(serves.map(urlOf))
    /** From when to when who asked may act: from the answer, for as long as it says, counted from the question. */
    const permits: { readonly of: number; readonly fromMs: number; readonly toMs: number }[] = []
    const asked = async (index: number): Promise<number | undefined> => {
      const sentMs = performance.now()
      const got = await get(urls[index] ?? '', '/leader').catch(() => ({ status: 0, text: '' }))
      if (got.status !== 200) return undefined
      const { candidate } = JSON.parse(got.text) as { candidate: { validForMs: number } }
      permits.push({ of: index, fromMs: performance.now(), toMs: sentMs + candidate.validForMs })
      return index
    }
    const leading = async (): Promise<number> => {
      for (const end = performance.now() + 30_000; performance.now() < end;) {
        const found = await Promise.all(urls.map((_, index) => asked(index)))
        const one = found.find((index) => index !== undefined)
        if (one !== undefined) return one
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      throw new Error(serves.map(({ stderr }) => stderr).join('\n'))
    }
    const first = await leading()
    serves[first]?.kill('SIGTERM')
    expect(await serves[first]?.ended).toBe(0)
    const second = await leading()
    expect(second).not.toBe(first)
    const overlaps = permits.flatMap((a) =>
      permits.filter((b) => a.of < b.of && a.fromMs < b.toMs && b.fromMs < a.toMs),
    )
    expect(overlaps).toEqual([])
  })
})

describe('what is asked wrongly', () => {
  const refused = async (code: number, message: string | RegExp, args: readonly string[], env = {}) => {
    const { code: got, stderr } = await stage.finish(['serve', ...args], { ...inMemory, ...env })
    expect(stderr).toMatch(message)
    expect(got).toBe(code)
  }

  test('a listener off loopback without a token is refused with 78, and what to do', async () => {
    await refused(78, /can be reached by others, and no token is set: give --http-token-file/, [
      'billing',
      '--http',
      '0.0.0.0:0',
    ])
    await refused(78, /MANDATE_HTTP_TOKEN holds no token/, ['billing', '--http', ':0'], {
      MANDATE_HTTP_TOKEN: 'x',
    })
    await refused(78, /the token file '.*absent' cannot be read/, ['billing', '--http-token-file', 'absent'])
  })

  test('with a token it answers those who bring it', async () => {
    // Where a configuration file names it, its path counts from there.
    const folder = join(stage.folder, 'etc')
    mkdirSync(folder)
    writeFileSync(join(folder, 'token'), `${token}\n`)
    const settings = {
      backend: 'memory://',
      lease: '30s',
      serve: { http: '0.0.0.0:0', httpTokenFile: 'token' },
    }
    writeFileSync(join(folder, 'mandate.json'), JSON.stringify(settings))
    const serve = stage.start(['serve', 'billing', '--json', '--config', 'etc/mandate.json'])
    const port = new URL((await urlOf(serve)).replace('0.0.0.0', '127.0.0.1')).port
    const url = `http://127.0.0.1:${port}`
    const bearing = { authorization: `Bearer ${token}` }
    await answers(serve, url, '/readyz', led)
    await answers(serve, url, '/leader', led, bearing)
    expect((await get(url, '/leader')).status).toBe(401)
    expect((await get(url, '/leader', { authorization: `Bearer ${token}0` })).status).toBe(401)
    expect(serve.stderr + serve.stdout).not.toContain(token)
  })

  test('addresses, names, durations and old flags end with the code of their kind', async () => {
    const busy = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => busy.once('listening', resolve))
    const { port } = busy.address() as AddressInfo
    await refused(78, /another process listens on/, ['billing', '--http', `127.0.0.1:${port}`])
    busy.close()
    await refused(78, /'4040' is no address: write host:port/, ['billing', '--http', '4040'])
    await refused(78, /valid-for is 0/, ['billing', '--valid-for', '0s'])
    await refused(78, /'soon' is no compat/, ['billing', '--compat', 'soon'])
    await refused(64, /which election\?/, [])
    await refused(64, /add --compat leader-elector/, ['--election', 'billing'])
    await refused(64, /cannot be used/, ['a\u0001b'])
    await refused(64, /unknown option '--htp'/, ['billing', '--htp', 'x'])
  })

  test('a candidate that is refused ends it with the code of the refusal', async () => {
    const config = stage.scripted({ fail: 'FORBIDDEN' })
    const { code, stderr } = await stage.finish(['serve', 'billing', ...anyPort, '--config', config])
    expect(code).toBe(77)
    expect(stderr).toContain('refused by the script')
  })
})

test('--compat leader-elector answers as that sidecar did', async () => {
  const flags = [
    '--compat',
    'leader-elector',
    '--election=example',
    '--use-cluster-credentials=true',
    '--ttl=10s',
  ]
  const serve = stage.start(['serve', ...flags, '--http=localhost:0', '--json', '--id=web-1'], inMemory)
  const url = await urlOf(serve)
  const leads = await answers(serve, url, '/isLeader', ({ text }) => text.includes('true'))
  expect(leads.text).toBe('{"isLeader": true}')
  expect(await get(url, '/')).toEqual({ status: 200, text: '{"name":"web-1"}' })
})
