/** `mandate manifests NAME`: what an election needs on Kubernetes, as YAML for `kubectl apply -f -`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { version } from '../../version.ts'
import { MandateError } from '../../errors.ts'
import type { CommandContext } from '../command.ts'
import { wantsJson } from '../config.ts'
import { holdsControl } from '../control-characters.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import { kustomizationFor, objectsFor } from './documents.ts'
import type { ManifestFile } from './documents.ts'
import { checkedImage, checkedName, checkedNamespace, invalid } from './plan.ts'
import type { ManifestPlan, Preset } from './plan.ts'

const presets: readonly Preset[] = ['fast', 'default', 'calm']
const replicasMax = 1000

export async function manifests(context: CommandContext): Promise<number> {
  const plan = planOf(context)
  const objects = objectsFor(plan)
  const out = context.flags['out']
  if (out !== undefined) {
    const files = [...objects, kustomizationFor(plan)]
    const folder = resolve(context.cwd, String(out))
    await writeAll(folder, files)
    if (wantsJson(context)) printJson('manifests', version, { folder, files: files.map(({ file }) => file) })
    else printError(`mandate: wrote ${files.length} files; apply them with: kubectl apply -k ${folder}`)
  } else if (wantsJson(context)) printJson('manifests', version, { folder: null, files: objects })
  else
    print(
      objects
        .map(({ text }) => text)
        .join('---\n')
        .trimEnd(),
    )
  return exitCode.done
}

/** @throws INVALID_NAME, INVALID_OPTIONS */
export function planOf({ flags, operands, env }: CommandContext): ManifestPlan {
  const name = checkedName(operands[0] ?? '')
  const given = (flag: string): string => {
    const key = flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    return String(flags[key] ?? env[`MANDATE_${flag.replaceAll('-', '_').toUpperCase()}`] ?? '')
  }
  const text = (flag: string, fallback: string): string => given(flag) || fallback
  const isOn = (flag: string): boolean => given(flag) === 'true' || given(flag) === '1'
  const preset = presets.find((known) => known === text('preset', 'default'))
  if (preset === undefined) throw invalid('preset', given('preset'), 'fast, default or calm')
  return {
    name,
    namespace: checkedNamespace(text('namespace', 'default')),
    shape: isOn('sidecar') ? 'sidecar' : 'run',
    image: checkedImage('image', text('image', `${name}:latest`)),
    mandateImage: checkedImage('mandate-image', text('mandate-image', `mandate:${version}`)),
    command: commandOf(text('command', 'node main.js')),
    replicas: replicasOf(text('replicas', '2')),
    preset,
    service: isOn('service'),
    events: isOn('events'),
    flowSchema: isOn('flow-schema'),
  }
}

function commandOf(text: string): readonly string[] {
  const words = text.split(/\s+/).filter(Boolean)
  // A control character would not survive YAML.
  if (words.length === 0 || holdsControl(text)) {
    throw invalid('command', text, 'the program and its arguments, such as: node main.js')
  }
  return words
}

function replicasOf(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= replicasMax) return count
  throw invalid('replicas', text, `a whole number from 1 to ${replicasMax}`)
}

async function writeAll(folder: string, files: readonly ManifestFile[]): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await Promise.all(files.map(({ file, text }) => writeFile(join(folder, file), text)))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `--out: nothing can be written to '${folder}': ${reason}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'out', value: folder }, { cause })
  }
}
