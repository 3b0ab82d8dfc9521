/** The Deployment, in its two shapes: the program under `mandate run`, or the program beside `mandate serve`. */
import type { ManifestPlan } from './plan.ts'

export function deployment(plan: ManifestPlan): string {
  const { name, namespace, replicas } = plan
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}-election
      # Longer than the program's grace and the 7 s that resigning may take.
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        seccompProfile: { type: RuntimeDefault }
${plan.shape === 'run' ? runContainers(plan) : sidecarContainers(plan)}
`
}

function runContainers(plan: ManifestPlan): string {
  const { name, image, command } = plan
  const args = ['run', name, '--', ...command].map(quoted).join(', ')
  return `      containers:
        - name: ${name}
          # Holds your program and mandate: see docs/kubernetes.md.
          image: ${image}
          # The first process of the container: it passes signals on, and collects orphans.
          command: ['mandate']
          args: [${args}]
          env:
${candidateEnv(plan)}
${hardening}`
}

function sidecarContainers(plan: ManifestPlan): string {
  const { name, image, mandateImage } = plan
  return `      # A sidecar that starts before the program and stops after it (Kubernetes 1.29).
      initContainers:
        - name: mandate
          image: ${mandateImage}
          restartPolicy: Always
          args: ['serve', '${name}', '--http', ':4040']
          env:
${candidateEnv(plan)}
${tokenEnv(plan)}
          ports:
            - { name: election, containerPort: 4040 }
          # These two need no token. Readiness never depends on who leads, or a rolling update would wait for itself.
          readinessProbe: { httpGet: { path: /readyz, port: election }, periodSeconds: 5 }
          livenessProbe: { httpGet: { path: /livez, port: election }, periodSeconds: 10, failureThreshold: 3 }
          resources:
            requests: { cpu: 10m, memory: 64Mi }
            limits: { memory: 192Mi }
${hardening}
      containers:
        - name: ${name}
          # Asks http://127.0.0.1:4040/leader, with the token, before it does what only the leader does.
          # Its root file system is read-only: mount an emptyDir where it writes.
          image: ${image}
          env:
${tokenEnv(plan)}
${hardening}`
}

function candidateEnv({ namespace, preset, name, service, events }: ManifestPlan): string {
  const keys = [
    ...(preset === 'default' ? [] : [`preset=${preset}`]),
    ...(service ? [`leader-label=mandate.dev/leader=${name}`] : []),
    ...(events ? ['events=true'] : []),
  ]
  const url = `k8s://${namespace}${keys.length === 0 ? '' : `?${keys.join('&')}`}`
  return `            - name: MANDATE_BACKEND
              value: '${url}'
            - { name: MANDATE_LOG_FORMAT, value: json }
            - { name: MANDATE_CANDIDATE_ID, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }`
}

/** Made once: `kubectl create secret generic NAME-election-http --from-literal=token="$(openssl rand -hex 32)"`. */
function tokenEnv({ name, namespace }: ManifestPlan): string {
  return `            # kubectl create secret generic -n ${namespace} ${name}-election-http --from-literal=token="$(openssl rand -hex 32)"
            - name: MANDATE_HTTP_TOKEN
              valueFrom: { secretKeyRef: { name: ${name}-election-http, key: token } }`
}

const hardening = `          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: ['ALL'] }`

/** YAML's single quotes take everything but themselves as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
