import { disruptionChecks } from '../../../migration/preflight/disruption.ts'
import { observabilityChecks } from '../../../migration/preflight/observability.ts'
import { sidecarSettingChecks } from '../../../migration/preflight/sidecar-settings.ts'
import { templateChecks } from '../../../migration/preflight/templates.ts'
import { type CheckCase, testChecks } from '../../support/check-cases.ts'
import { changed, object, sidecarPod } from '../../support/healthy-mesh.ts'
import { deployment, namespace, service } from '../../support/snapshots.ts'

const containers = (...list: readonly object[]) => changed('spec.template.spec.containers', list)
const annotated = (name: string, annotations: Record<string, string>) =>
  deployment(name, { annotations })
const exclude = (ports: string) =>
  annotated('api', { 'traffic.sidecar.istio.io/excludeOutboundPorts': ports })
const job = (kind: 'Job' | 'CronJob', labels: Record<string, string>) => {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'run', image: 'run' }] } }
  return object('batch/v1', kind, 'shop/nightly', {
    spec: kind === 'Job' ? { template } : { jobTemplate: { spec: { template } } },
  })
}
const budget = (disruptionsAllowed: number) =>
  object('policy/v1', 'PodDisruptionBudget', 'shop/cart', {
    spec: { selector: { matchLabels: { app: 'cart' } }, minAvailable: 2 },
    status: { disruptionsAllowed },
  })
const restart = { options: { restartWorkloads: true } }
const ports = (...list: readonly object[]) => changed('spec.ports', list)

const cases: readonly CheckCase[] = [
  {
    check: 'MB032',
    when: 'templates ask for a sidecar, and only labels are removed',
    intent: { endInjection: 'remove-labels' },
    add: [
      deployment('own', { labels: { 'sidecar.istio.io/inject': 'true' } }),
      deployment('revised', { labels: { 'istio.io/rev': 'canary' } }),
      deployment('never', { labels: { 'sidecar.istio.io/inject': 'false', 'istio.io/rev': 'x' } }),
      job('CronJob', { 'sidecar.istio.io/inject': 'true' }),
    ],
    finds: [
      {
        severity: 'blocker',
        resource: 'Deployment shop/own',
        reason: /sidecar\.istio\.io\/inject=true/,
        remedy: /kubectl label namespace shop --overwrite istio-injection=disabled/,
        acceptable: false,
      },
      {
        severity: 'blocker',
        resource: 'Deployment shop/revised',
        reason: /istio\.io\/rev=canary/,
        acceptable: false,
      },
      {
        severity: 'blocker',
        resource: 'CronJob shop/nightly',
        reason: /inject=true/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB032',
    when: 'they do, and injection is switched off in so many words',
    intent: { endInjection: 'disable' },
    add: [deployment('own', { labels: { 'sidecar.istio.io/inject': 'true' } })],
    finds: [{ severity: 'info', resource: 'Deployment shop/own', reason: /overrules/ }],
  },
  {
    check: 'MB032',
    when: 'an injected gateway would lose its proxy',
    intent: { endInjection: 'disable' },
    add: [
      deployment('ingress', {
        labels: { 'sidecar.istio.io/inject': 'true' },
        annotations: { 'inject.istio.io/templates': 'gateway' },
      }),
    ],
    finds: [
      { severity: 'blocker', resource: 'Deployment shop/ingress', reason: /would have none/ },
    ],
  },
  {
    check: 'MB032',
    when: 'a gateway goes on being injected',
    intent: { endInjection: 'remove-labels' },
    add: [
      deployment('ingress', {
        labels: { 'sidecar.istio.io/inject': 'true' },
        annotations: { 'inject.istio.io/templates': 'gateway' },
      }),
    ],
  },
  {
    check: 'MB032',
    when: 'deployments may not be listed',
    facts: { unreadable: { statefulSet: 'no permission to list StatefulSet objects' } },
    unread: /no permission/,
  },

  {
    check: 'MB033',
    when: 'the sidecar is part of the template',
    add: [
      containers(
        { name: 'app', image: 'app' },
        { name: 'istio-proxy', image: 'istio/proxyv2:1.30.3' },
      )(deployment('manual')),
      changed('spec.template.spec.initContainers', [{ name: 'istio-proxy', image: 'x' }])(
        deployment('native'),
      ),
    ],
    finds: [
      { severity: 'blocker', resource: 'Deployment shop/manual', reason: /container istio-proxy/ },
      { severity: 'blocker', resource: 'Deployment shop/native', reason: /container istio-proxy/ },
    ],
  },
  {
    check: 'MB033',
    when: 'the container is a gateway’s placeholder',
    add: [
      containers({ name: 'istio-proxy', image: 'auto' })(
        annotated('ingress', { 'inject.istio.io/templates': 'gateway' }),
      ),
    ],
  },

  {
    check: 'MB040',
    when: 'an application listens on ztunnel’s ports',
    add: [
      containers({
        name: 'tunnel',
        image: 'x',
        ports: [{ containerPort: 15008 }, { containerPort: 80 }],
      })(deployment('tunnel')),
    ],
    finds: [
      { severity: 'blocker', resource: 'Deployment shop/tunnel', reason: /declares port 15008,/ },
    ],
  },

  {
    check: 'MB038',
    when: 'a port of nobody in particular is excluded',
    add: [exclude('8443')],
    finds: [
      {
        severity: 'warning',
        resource: 'Deployment shop/api',
        reason: /excludeOutboundPorts=8443: ambient knows no such exceptions/,
      },
    ],
  },
  {
    check: 'MB038',
    when: 'it is a database’s',
    add: [exclude('8443, 5432')],
    finds: [
      { severity: 'blocker', resource: 'Deployment shop/api', reason: /5432 \(PostgreSQL\)/ },
    ],
  },
  {
    check: 'MB038',
    when: 'address ranges are excluded',
    add: [annotated('api', { 'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.0.0.0/8' })],
    finds: [{ severity: 'warning', resource: 'Deployment shop/api', reason: /10\.0\.0\.0\/8/ }],
  },
  {
    check: 'MB038',
    when: 'the namespace has no sidecars it could be kept from',
    add: [exclude('5432')],
    intent: { state: 'none' },
  },
  {
    check: 'MB038',
    when: 'only meshbench’s own load has it',
    add: [
      annotated('api', {
        'meshbench.dev/load-generator': 'true',
        'traffic.sidecar.istio.io/excludeInboundPorts': '8080',
      }),
    ],
  },

  {
    check: 'MB039',
    when: 'applications talk to their sidecar',
    add: [
      containers({
        name: 'run',
        image: 'x',
        args: ['sh', '-c', 'work; curl -XPOST http://localhost:15020/quitquitquit'],
      })(deployment('batch')),
      containers({
        name: 'app',
        image: 'x',
        lifecycle: { preStop: { exec: { command: ['pilot-agent', 'request', 'POST', 'drain'] } } },
      })(deployment('hook')),
      containers({ name: 'app', image: 'x', env: [{ name: 'READY', value: '127.0.0.1:15021' }] })(
        deployment('waits'),
      ),
      containers({ name: 'app', image: 'x', args: ['--port=15021'] })(deployment('innocent')),
    ],
    finds: [
      { severity: 'warning', resource: 'Deployment shop/batch', reason: /localhost:15020/ },
      { severity: 'warning', resource: 'Deployment shop/hook', reason: /pilot-agent/ },
      { severity: 'warning', resource: 'Deployment shop/waits', reason: /127\.0\.0\.1:15021/ },
    ],
  },
  {
    check: 'MB043',
    when: 'virtual machines have interfaces of their own',
    add: [annotated('vm', { 'traffic.sidecar.istio.io/kubevirtInterfaces': 'k6t-eth0' })],
    finds: [
      {
        severity: 'warning',
        resource: 'Deployment shop/vm',
        reason: /k6t-eth0/,
        remedy: /istio\.io\/reroute-virtual-interfaces=k6t-eth0/,
      },
    ],
  },
  {
    check: 'MB044',
    when: 'sidecars are configured',
    add: [
      annotated('tuned', {
        'proxy.istio.io/config': 'concurrency: 4',
        'sidecar.istio.io/proxyCPU': '1',
      }),
      object('networking.istio.io/v1beta1', 'ProxyConfig', 'shop/all', {
        spec: { concurrency: 2 },
      }),
      object('networking.istio.io/v1beta1', 'ProxyConfig', 'other/all', {}),
    ],
    finds: [
      {
        severity: 'info',
        resource: 'Deployment shop/tuned',
        reason: /^proxy\.istio\.io\/config, sidecar\.istio\.io\/proxyCPU/,
      },
      { severity: 'info', resource: 'ProxyConfig shop/all', reason: /configures sidecars/ },
    ],
  },
  {
    check: 'MB046',
    when: 'an ingress controller is in the namespace',
    add: [
      containers({ name: 'c', image: 'registry.k8s.io/ingress-nginx/controller:v1.12.0' })(
        deployment('ingress'),
      ),
      deployment('proxy', { labels: { 'app.kubernetes.io/name': 'traefik' } }),
      deployment('done', {
        labels: { 'app.kubernetes.io/name': 'traefik' },
        annotations: { 'ambient.istio.io/bypass-inbound-capture': 'true' },
      }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Deployment shop/ingress',
        reason: /plaintext from outside/,
        remedy: /bypass-inbound-capture=true/,
      },
      { severity: 'warning', resource: 'Deployment shop/proxy', reason: /plaintext/ },
    ],
  },

  {
    check: 'MB037',
    when: 'restarts meet a budget, one replica and Recreate',
    ...restart,
    add: [
      budget(0),
      deployment('one', {
        spec: { replicas: 1, selector: {}, template: { spec: { containers: [] } } },
      }),
      deployment('all', {
        spec: {
          replicas: 3,
          selector: {},
          strategy: { type: 'Recreate' },
          template: { spec: { containers: [] } },
        },
      }),
      object('apps/v1', 'StatefulSet', 'shop/db', {
        spec: { replicas: 1, selector: {}, template: { spec: { containers: [] } } },
      }),
      deployment('off', {
        spec: { replicas: 0, selector: {}, template: { spec: { containers: [] } } },
      }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Deployment shop/cart',
        reason: /PodDisruptionBudget cart allows no/,
      },
      {
        severity: 'warning',
        resource: 'Deployment shop/one',
        reason: /^One replica: its connections/,
      },
      { severity: 'warning', resource: 'Deployment shop/all', reason: /Recreate/ },
      {
        severity: 'warning',
        resource: 'StatefulSet shop/db',
        reason: /stopped before the new one/,
      },
    ],
  },
  { check: 'MB037', when: 'the budget leaves room', ...restart, add: [budget(1)] },
  { check: 'MB037', when: 'nothing is restarted', add: [budget(0)] },
  { check: 'MB037', when: 'nothing needs to be', ...restart, liveTakeover: true, add: [budget(0)] },
  {
    check: 'MB037',
    when: 'budgets may not be listed',
    ...restart,
    facts: { unreadable: { disruptionBudget: 'no permission' } },
    unread: /no permission/,
  },

  {
    check: 'MB045',
    when: 'there are databases and TCP services',
    add: [
      object('apps/v1', 'StatefulSet', 'shop/db', {
        spec: { template: { spec: { containers: [] } } },
      }),
      ports({ name: 'redis-main', port: 6379 }, { name: 'http', port: 80 })(service('cache')),
      ports({ name: 'main', port: 9000, appProtocol: 'tcp' })(service('feed')),
      ports({ name: 'tcp-not', port: 9001, appProtocol: 'http' })(service('web')),
    ],
    finds: [
      { severity: 'warning', resource: 'StatefulSet shop/db', reason: /long connections/ },
      {
        severity: 'warning',
        resource: 'Service shop/cache',
        reason: /^Port 6379 \(redis-main\) carries TCP/,
      },
      { severity: 'warning', resource: 'Service shop/feed', reason: /9000 \(main\)/ },
    ],
  },

  {
    check: 'MB041',
    when: 'metrics are scraped through the sidecar',
    add: [
      annotated('api', { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9102' }),
      sidecarPod('api'),
      annotated('plain', { 'prometheus.io/scrape': 'true' }),
      object('monitoring.coreos.com/v1', 'PodMonitor', 'shop/envoys', {
        spec: { podMetricsEndpoints: [{ path: '/stats/prometheus', port: 'http-envoy-prom' }] },
      }),
      object('monitoring.coreos.com/v1', 'ServiceMonitor', 'shop/app', {
        spec: { endpoints: [{ port: 'metrics' }] },
      }),
    ],
    finds: [
      {
        severity: 'warning',
        resource: 'Deployment shop/api',
        reason: /port 9102\) with its own on 15020/,
      },
      { severity: 'warning', resource: 'PodMonitor shop/envoys', reason: /port of sidecars/ },
    ],
  },
  {
    check: 'MB041',
    when: 'files do not tell which pods have sidecars',
    facts: { files: true },
    add: [annotated('api', { 'prometheus.io/scrape': 'true' })],
    finds: [{ severity: 'warning', resource: 'Deployment shop/api', reason: /15020/ }],
  },
  {
    check: 'MB090',
    when: 'alerts and dashboards use metrics of HTTP',
    add: [
      namespace('mon'),
      object('monitoring.coreos.com/v1', 'PrometheusRule', 'mon/slo', {
        spec: { metrics: 'istio_requests_total reporter="destination"' },
      }),
      object('v1', 'ConfigMap', 'mon/board', {
        metadata: { labels: { grafana_dashboard: '1' } },
        data: { 'a.json': 'reporter="destination"' },
      }),
      object('v1', 'ConfigMap', 'mon/tcp', {
        metadata: { labels: { grafana_dashboard: '1' } },
        data: { 'a.json': 'istio_tcp_sent_bytes_total reporter="source"' },
      }),
    ],
    finds: [
      { severity: 'info', resource: 'PrometheusRule mon/slo', reason: /uses istio_requests_total/ },
      { severity: 'info', resource: 'ConfigMap mon/board', reason: /reporter="destination"/ },
    ],
  },
  {
    check: 'MB090',
    when: 'dashboards may not be listed',
    facts: { unreadable: { configMap: 'no permission to list ConfigMaps' } },
    unread: /no permission/,
  },
]

testChecks(
  [...templateChecks, ...sidecarSettingChecks, ...disruptionChecks, ...observabilityChecks],
  cases,
)
