// A real API server on loopback with an etcd of its own, and the count of what it was asked for.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './cluster.mjs'
import { sleep } from './figures.mjs'

export async function startKubernetes({ programs }) {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-kubernetes-'))
  const [port, client, peer] = await freePorts(3)
  const [key, publicKey] = [join(folder, 'sa.key'), join(folder, 'sa.pub')]
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' })
  execFileSync('openssl', ['rsa', '-in', key, '-pubout', '-out', publicKey], { stdio: 'ignore' })
  writeFileSync(join(folder, 'tokens.csv'), 'bench-token,bench,bench,system:masters\n')
  const etcd = `http://127.0.0.1:${client}`
  const peerUrl = `http://127.0.0.1:${peer}`
  const flags = {
    etcd: {
      ...{ 'data-dir': join(folder, 'etcd'), 'listen-client-urls': etcd, 'advertise-client-urls': etcd },
      ...{ 'listen-peer-urls': peerUrl, 'initial-advertise-peer-urls': peerUrl },
      ...{ 'initial-cluster': `default=${peerUrl}`, 'log-level': 'error' },
    },
    'kube-apiserver': {
      ...{ 'etcd-servers': etcd, 'cert-dir': join(folder, 'certs'), 'secure-port': port },
      ...{ 'bind-address': '127.0.0.1', 'token-auth-file': join(folder, 'tokens.csv') },
      'service-account-issuer': 'https://kubernetes.default.svc',
      ...{ 'service-account-key-file': publicKey, 'service-account-signing-key-file': key },
      ...{ 'authorization-mode': 'RBAC', 'service-cluster-ip-range': '10.0.0.0/24' },
      'disable-admission-plugins': 'ServiceAccount',
    },
  }
  const children = Object.entries(flags).map(([name, values]) =>
    spawn(
      programs[name],
      Object.entries(values).map(([flag, value]) => `--${flag}=${value}`),
      { stdio: 'ignore' },
    ),
  )
  const close = () => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  for (let waited = 0; ; waited += 100) {
    const found = await get(port, '/api/v1/namespaces/default').catch(() => null)
    if (found !== null) break
    if (waited > 60_000) {
      close()
      throw new Error('the API server gave no answer in 60 s')
    }
    await sleep(100)
  }
  const kubeconfig = join(folder, 'kubeconfig')
  const authorities = readFileSync(join(folder, 'certs/apiserver.crt')).toString('base64')
  const config = {
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench', namespace: 'default' } }],
    clusters: [
      {
        name: 'bench',
        cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': authorities },
      },
    ],
    users: [{ name: 'bench', user: { token: 'bench-token' } }],
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  return {
    kubeconfig,
    /** Requests for Leases so far, by verb. A watch is counted when it ends. */
    async asked() {
      const counts = {}
      for (const line of (await get(port, '/metrics')).split('\n')) {
        const [, labels, count] = /^apiserver_request_total\{(.*)\} (\S+)$/.exec(line) ?? []
        if (labels === undefined || !labels.includes('resource="leases"')) continue
        const verb = /verb="(\w+)"/.exec(labels)?.[1] ?? '?'
        counts[verb] = (counts[verb] ?? 0) + Number(count)
      }
      return counts
    },
    close,
  }
}

function get(port, path) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer bench-token' }
    const options = { host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false }
    const asked = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${path}: ${response.statusCode}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}
