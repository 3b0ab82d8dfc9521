// kube-apiserver with the etcd behind it, found as controller-runtime's envtest finds them: in the folder that
// KUBEBUILDER_ASSETS names. Nothing that Debian ships holds it, so where the variable is absent a folder beside this
// repository may hold it packed.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpacked } from './debian.mjs'
import { etcd } from './etcd.mjs'

const name = 'kubernetes'

/** `kube-apiserver.xz` and `client-go-candidate.xz`, with the way to build them again. */
const packed = resolve(fileURLToPath(import.meta.url), '../../../../shared/testbeds/kubernetes')

/** The program itself was built without a version to print. */
const packedVersion = '1.20.2'

/** @type {import('../servers.mjs').ServerKind} */
export const kubernetes = {
  name,
  obtainable: () =>
    process.env['KUBEBUILDER_ASSETS'] !== undefined || existsSync(join(packed, 'kube-apiserver.xz')),
  find({ cache }) {
    const etcdProgram = etcd.find({ cache })?.programs['etcd']
    const own = unpacked({ name, into: cache })
    const candidate = own === undefined ? undefined : join(own.folder, 'client-go-candidate')
    const assets = process.env['KUBEBUILDER_ASSETS']
    const folder = assets ?? own?.folder
    if (folder === undefined || !existsSync(join(folder, 'kube-apiserver'))) return undefined
    const assetsEtcd = join(folder, 'etcd')
    const backing = existsSync(assetsEtcd) ? assetsEtcd : etcdProgram
    if (backing === undefined) return undefined
    return {
      name,
      version: assets === undefined ? (own?.version ?? packedVersion) : 'as found',
      from: assets === undefined ? folder : 'KUBEBUILDER_ASSETS',
      programs: {
        'kube-apiserver': join(folder, 'kube-apiserver'),
        etcd: backing,
        ...(candidate !== undefined && existsSync(candidate) ? { 'client-go-candidate': candidate } : {}),
      },
    }
  },
  fetch({ cache }) {
    if (etcd.find({ cache }) === undefined) etcd.fetch({ cache })
    unpack(cache)
    const found = kubernetes.find({ cache })
    if (found === undefined) throw new Error('kube-apiserver was unpacked and cannot be found')
    return found
  },
  byHand:
    'set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd: `setup-envtest use -p path` of ' +
    'sigs.k8s.io/controller-runtime fetches one',
}

function unpack(cache) {
  const archives = ['kube-apiserver', 'client-go-candidate']
  for (const archive of archives) {
    if (!existsSync(join(packed, `${archive}.xz`))) throw new Error('no kube-apiserver is here')
  }
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, '.unpack-'))
  try {
    for (const archive of archives) {
      const target = join(work, archive)
      const out = openSync(target, 'w')
      execFileSync('xz', ['-dc', join(packed, `${archive}.xz`)], { stdio: ['ignore', out, 'inherit'] })
      closeSync(out)
      chmodSync(target, 0o755)
    }
    const folder = join(cache, `${name}-${packedVersion}`)
    if (!existsSync(folder)) renameSync(work, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
