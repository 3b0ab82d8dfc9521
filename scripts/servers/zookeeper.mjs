// ZooKeeper, and the native peers of its elections: Curator (Java) and kazoo (Python). All of it is portable code that runs
// where it was unpacked, on the Java and the Python of the machine.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { debianPackages, unpacked } from './debian.mjs'
import { onPath } from './on-path.mjs'

const name = 'zookeeper'

// The first one gives the version. The manifests of these jars name /usr/share/java, so every jar is on the class path.
const packages = [
  'libzookeeper-java',
  'libcurator-recipes-java',
  'libcurator-framework-java',
  'libcurator-client-java',
  'libcommons-cli-java',
  'libcommons-io-java',
  'libdropwizard-metrics-java',
  'libguava-java',
  'libnetty-java',
  'libslf4j-java',
  'libsnappy-java',
  'python3-kazoo',
  'python3-six',
]

const serverJars = [
  'zookeeper',
  'zookeeper-jute',
  'slf4j-api',
  'slf4j-nop',
  'commons-cli',
  'commons-io',
  'metrics-core',
  'snappy-java',
  'netty-buffer',
  'netty-codec',
  'netty-common',
  'netty-handler',
  'netty-resolver',
  'netty-transport',
  'netty-transport-native-epoll',
  'netty-transport-native-unix-common',
]
const curatorJars = ['curator-recipes', 'curator-framework', 'curator-client', 'guava']

/** @type {import('../servers.mjs').ServerKind} */
export const zookeeper = {
  name,
  find({ cache }) {
    const found = unpacked({ name, into: cache })
    return found === undefined ? undefined : programsIn(found)
  },
  fetch({ cache }) {
    const found = programsIn(debianPackages({ name, suite: 'bookworm', packages, into: cache }))
    if (found !== undefined) return found
    throw new Error(
      'this machine lacks java, javac or python3: install a JDK (default-jdk-headless) and Python',
    )
  },
  byHand:
    'install a JDK and Python 3 (`apt-get install default-jdk-headless python3`); elsewhere than on Debian unpack ' +
    `${packages.join(', ')} of Debian 12 together into .cache/servers/zookeeper-VERSION`,
}

/**
 * Undefined where the machine has no Java and Python of its own to run them.
 *
 * @param {{ folder: string, version: string }} where
 * @returns {import('../servers.mjs').FoundServer | undefined}
 */
function programsIn({ folder, version }) {
  const [java, javac] = [onPath('java'), onPath('javac')]
  // Debian's own, because the six that comes with this kazoo is too old for the newest Python.
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : onPath('python3')
  if (java === undefined || javac === undefined || python === undefined) return undefined
  const jars = join(folder, 'usr/share/java')
  const programs = { java, javac, python, jars, kazoo: join(folder, 'usr/lib/python3/dist-packages') }
  return { name, version, from: folder, programs }
}

/** What a server needs, or a program on top of Curator. @param {string} jars @param {'server' | 'curator'} what */
export function classPath(jars, what) {
  const names = what === 'server' ? serverJars : [...serverJars, ...curatorJars]
  return names.map((jar) => join(jars, `${jar}.jar`)).join(delimiter)
}
