// One ZooKeeper server on loopback, or three, for a bench; the tests have their own, which bear more.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classPath } from '../scripts/servers/zookeeper.mjs'
import { freePorts } from './cluster.mjs'
import { sleep } from './figures.mjs'

export async function startZooKeeper(server, { members, tickMs }) {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-zookeeper-'))
  const ports = await freePorts(3 * members)
  const ids = Array.from({ length: members }, (_, index) => index + 1)
  const peers = ids.map((id) => `server.${id}=127.0.0.1:${ports[3 * id - 2]}:${ports[3 * id - 1]}`)
  const children = ids.map((id) => {
    const home = join(folder, String(id))
    mkdirSync(home)
    writeFileSync(join(home, 'myid'), `${id}\n`)
    const lines = [
      ...[`tickTime=${tickMs}`, 'initLimit=50', 'syncLimit=10', `dataDir=${home}`],
      ...[`clientPort=${ports[3 * id - 3]}`, 'clientPortAddress=127.0.0.1', 'admin.enableServer=false'],
      ...(members > 1 ? peers : []),
    ]
    writeFileSync(join(home, 'zoo.cfg'), `${lines.join('\n')}\n`)
    const args = ['-Xmx192m', '-XX:+UseSerialGC', '-cp', classPath(server.programs.jars, 'server')]
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
    return spawn(server.programs.java, [...args, main, join(home, 'zoo.cfg')], { stdio: 'ignore' })
  })
  const addresses = ids.map((id) => `127.0.0.1:${ports[3 * id - 3]}`)
  for (const address of addresses) {
    for (let tries = 0; !/^Mode: /m.test(await ask(address).catch(() => '')); tries++) {
      if (tries > 600) throw new Error(`the ZooKeeper server at ${address} does not serve`)
      await sleep(50)
    }
  }
  return {
    addresses,
    close() {
      for (const child of children) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function ask(address) {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':')
    const socket = connect({ host, port: Number(port) }, () => socket.write('srvr'))
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => (answer += String(text)))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
