// How long `import 'mandate'` takes over a script that does nothing, and which modules it loads.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, now } from './figures.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Lists every module that is loaded, one URL a line. */
const hooks = `
import { appendFileSync } from 'node:fs'
export async function load(url, context, next) {
  appendFileSync(process.env.MODULES_FILE, url + '\\n')
  return next(url, context)
}`

function run(args, env = {}) {
  const since = now()
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
  return { ms: now() - since, stdout }
}

/** In the repository, where the package knows itself by its name. */
function writeScripts(folder) {
  const write = (name, text) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  return {
    empty: write('empty.mjs', ''),
    importing: write('importing.mjs', "import 'mandate'\n"),
    withRaft: write('with-raft.mjs', "import 'mandate'\nimport 'mandate/raft'\n"),
    list: write(
      'list.mjs',
      `import { register } from 'node:module'\nregister(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})\n`,
    ),
  }
}

/** Git ignores it, and no other package.json stands between it and the root. */
function cacheFolder() {
  const folder = join(root, '.cache')
  mkdirSync(folder, { recursive: true })
  return folder
}

export async function measureImport({ runs }) {
  const folder = mkdtempSync(join(cacheFolder(), 'import-'))
  try {
    const { empty, importing, withRaft, list } = writeScripts(folder)
    const samples = { empty: [], importing: [], withRaft: [] }
    for (let i = 0; i <= runs; i++) {
      const round = { empty: run([empty]).ms, importing: run([importing]).ms, withRaft: run([withRaft]).ms }
      // The first round reads the files from the disk.
      if (i > 0) for (const [name, ms] of Object.entries(round)) samples[name].push(ms)
    }
    const modules = modulesOf(importing, list, join(folder, 'modules'))
    const emptyMs = median(samples.empty)
    const importMs = median(samples.importing)
    return {
      ...{ emptyMs, importMs, importOverEmptyMs: importMs - emptyMs },
      importRaftOverEmptyMs: median(samples.withRaft) - emptyMs,
      importRuns: runs,
      ...modules,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function modulesOf(script, list, modulesFile) {
  writeFileSync(modulesFile, '')
  run(['--import', list, script], { MODULES_FILE: modulesFile })
  const urls = run(['-p', `require('node:fs').readFileSync(${JSON.stringify(modulesFile)}, 'utf8')`]).stdout
  const loaded = urls.split('\n').filter((url) => url.startsWith('file:') && !url.endsWith('/importing.mjs'))
  const thirdParty = loaded.filter((url) => url.includes('/node_modules/'))
  return { modulesLoaded: loaded.length, thirdPartyModules: [...new Set(thirdParty)] }
}
