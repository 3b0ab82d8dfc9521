/** The flags of `mandate manifests`. */
import type { ExtraFlag } from '../command.ts'

export const manifestFlags: readonly ExtraFlag[] = [
  { flag: '--namespace', placeholder: '<namespace>', help: 'where everything goes (default: default)' },
  { flag: '--image', placeholder: '<image>', help: 'the program (default: NAME:latest)' },
  {
    flag: '--command',
    placeholder: '<command>',
    help: 'what mandate run starts, split at blanks (default: node main.js)',
  },
  { flag: '--sidecar', help: 'put mandate serve beside the program, instead of mandate run around it' },
  { flag: '--mandate-image', placeholder: '<image>', help: 'of the sidecar: build deploy/Dockerfile' },
  { flag: '--replicas', placeholder: '<count>', help: '2 or more (default: 2)' },
  { flag: '--preset', placeholder: '<preset>', help: 'fast, default or calm: 1 s, 15 s or 137 s of lease' },
  { flag: '--service', help: "label the leader's pod, and add a Service that selects it" },
  { flag: '--events', help: 'write events on the Lease' },
  {
    flag: '--flow-schema',
    help: "add a FlowSchema: renewals pass through the API server's queue for elections",
  },
  { flag: '--out', placeholder: '<folder>', help: 'write one file an object there, and a kustomization' },
]
