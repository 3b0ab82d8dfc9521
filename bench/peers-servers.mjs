// One real server of each kind on loopback, from where `npm run servers` put them.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findServer } from '../scripts/servers.mjs'
import { redis } from '../scripts/servers/redis.mjs'
import { freePorts } from './cluster.mjs'
import { sleep } from './figures.mjs'

const cache = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), '.cache/servers')

function programOf(name) {
  const found = findServer(name)
  if (found === undefined) throw new Error(`${name} is not here: npm run servers ${name}`)
  return found.programs[name]
}

export const startServer = { consul, etcd, redis: startRedis }

/** Resolves once `ready` does; `close` ends it and removes its folder. */
async function serve(program, args, { folder, env = {}, argv0 }, ready) {
  const child = spawn(program, args, {
    stdio: 'ignore',
    env: { ...process.env, ...env },
    ...(argv0 === undefined ? {} : { argv0 }),
  })
  const close = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  for (let waited = 0; waited < 30_000; waited += 100) {
    await sleep(100)
    if (await ready().catch(() => false)) return close
  }
  close()
  throw new Error(`${program} did not start`)
}

async function consul() {
  const program = programOf('consul')
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-consul-'))
  const [http, lan, server] = await freePorts(3)
  const ports = { http, 'serf-lan': lan, 'serf-wan': -1, server, dns: -1, grpc: -1 }
  const flags = Object.entries(ports).map(([name, port]) => `-${name}-port=${port}`)
  const config = ['-hcl', 'limits { http_max_conns_per_client = 2000 }']
  const url = `http://127.0.0.1:${http}/v1/kv/ready`
  const ready = async () => (await fetch(url, { method: 'PUT', body: '1' })).ok
  const close = await serve(program, ['agent', '-dev', ...flags, ...config], { folder }, ready)
  return { port: http, program, close }
}

async function etcd() {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-etcd-'))
  const [client, peer] = await freePorts(2)
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` }
  const flags = {
    ...{ name: 'a', 'data-dir': folder, 'initial-cluster': `a=${urls.peer}` },
    ...{ 'listen-client-urls': urls.client, 'advertise-client-urls': urls.client },
    ...{ 'listen-peer-urls': urls.peer, 'initial-advertise-peer-urls': urls.peer },
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const ready = async () => (await (await fetch(`${urls.client}/health`)).json()).health === 'true'
  const close = await serve(programOf('etcd'), args, { folder }, ready)
  return { port: client, close }
}

async function startRedis() {
  const found = redis.find({ cache }) ?? redis.fetch({ cache })
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-redis-'))
  const [port] = await freePorts(1)
  const { redis: program, libraries } = found.programs
  const how = {
    folder,
    argv0: 'redis-server',
    env: libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries },
  }
  const args = ['--port', String(port), '--dir', folder, '--save', '', '--bind', '127.0.0.1']
  const ready = async () => {
    const { connect } = await import('node:net')
    return new Promise((settle, fail) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', fail)
      socket.once('data', (answer) => {
        socket.destroy()
        settle(String(answer).startsWith('+PONG'))
      })
      socket.write('PING\r\n')
    })
  }
  const close = await serve(program, args, how, ready)
  return { port, close }
}
