// `npm run generate`: the code of etcd's messages, from src/backends/etcd/rpc.proto. Needs protoc on PATH (Debian:
// protobuf-compiler); what it writes is committed, so that nobody else needs it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const source = join(root, 'src/backends/etcd')
const plugin = join(root, 'node_modules/.bin/protoc-gen-es')
const folder = mkdtempSync(join(tmpdir(), 'mandate-generate-'))
try {
  const args = [`--plugin=protoc-gen-es=${plugin}`, `--es_out=${folder}`, '--es_opt=target=ts']
  execFileSync('protoc', [...args, '-I', source, 'rpc.proto'], { stdio: 'inherit' })
  renameSync(join(folder, 'rpc_pb.ts'), join(source, 'rpc.generated.ts'))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
