import { namespaceChecks } from '../../../migration/preflight/namespace.ts'
import { type CheckCase, testChecks } from '../../support/check-cases.ts'
import { changed, configMap, sidecarPod } from '../../support/healthy-mesh.ts'
import { namespace, pod } from '../../support/snapshots.ts'

const shop = 'Namespace shop'
const labelled = (labels: Record<string, string>) => ({
  drop: [shop],
  add: [namespace('shop', labels)],
})
const managed = (manager: string, ...labels: readonly string[]) => ({
  change: {
    [shop]: changed('metadata.managedFields', [
      {
        manager,
        operation: 'Apply',
        fieldsV1: {
          'f:metadata': { 'f:labels': Object.fromEntries(labels.map((one) => [`f:${one}`, {}])) },
        },
      },
    ]),
  },
})

const cases: readonly CheckCase[] = [
  {
    check: 'MB020',
    when: 'the namespace is ambient',
    ...labelled({ 'istio.io/dataplane-mode': 'ambient' }),
    finds: [{ severity: 'info', resource: shop, reason: /labelled for ambient already/ }],
  },
  {
    check: 'MB020',
    when: 'it asks for both',
    ...labelled({ 'istio.io/dataplane-mode': 'ambient', 'istio.io/rev': 'default' }),
    finds: [
      {
        severity: 'warning',
        resource: shop,
        reason: /the sidecar wins/,
        remedy: /^kubectl label namespace shop istio-injection- istio\.io\/rev-$/,
      },
    ],
  },
  {
    check: 'MB020',
    when: 'it is ambient and injection is switched off in so many words',
    ...labelled({
      'istio.io/dataplane-mode': 'ambient',
      'istio-injection': 'disabled',
      'istio.io/rev': 'x',
    }),
    finds: [{ severity: 'info', resource: shop, reason: /only what is missing/ }],
  },

  {
    check: 'MB021',
    when: 'a controller owns the injection label',
    ...managed('argocd-controller', 'istio-injection', 'team'),
    finds: [
      {
        severity: 'warning',
        resource: shop,
        reason: /^argocd-controller \(owns istio-injection\) will put its labels back$/,
        remedy: /istio\.io\/dataplane-mode: ambient/,
      },
    ],
  },
  {
    check: 'MB021',
    when: 'somebody labelled it by hand',
    ...managed('kubectl-label', 'istio-injection'),
  },
  { check: 'MB021', when: 'others own other labels', ...managed('team-operator', 'team') },
  {
    check: 'MB021',
    when: 'Flux and Helm left their marks',
    change: {
      [shop]: changed('metadata.annotations', {
        'meta.helm.sh/release-name': 'shop',
        'kustomize.toolkit.fluxcd.io/name': 'shop',
      }),
    },
    finds: [{ severity: 'warning', resource: shop, reason: /^Flux, Helm will put/ }],
  },

  {
    check: 'MB022',
    when: 'a call would be refused',
    context: {
      dryRuns: [
        { step: 'S5/shop', resource: 'Gateway shop/waypoint', namespace: 'shop' },
        {
          step: 'S10/shop',
          resource: shop,
          namespace: 'shop',
          refused: 'admission webhook "labels.example" denied the request',
        },
      ],
    },
    finds: [
      {
        severity: 'blocker',
        resource: shop,
        reason: /^Step S10\/shop would be refused: admission webhook/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB022',
    when: 'the mesh is healthy',
    context: { dryRuns: [{ step: 'S10/shop', resource: shop }] },
  },
  {
    check: 'MB022',
    when: 'a call could not be tried for want of a permission, or of an earlier step',
    context: {
      dryRuns: [
        {
          step: 'S8/shop',
          resource: 'AuthorizationPolicy shop/deny',
          namespace: 'shop',
          refused: 'User "jane" cannot patch resource "authorizationpolicies"',
          denied: true,
        },
        { step: 'S10/shop', resource: shop, after: 'S9/shop' },
      ],
    },
    finds: [
      {
        severity: 'warning',
        resource: 'AuthorizationPolicy shop/deny',
        reason: /^Step S8\/shop could not be tried: User "jane" cannot patch/,
      },
      {
        severity: 'info',
        resource: 'Step S10/shop',
        reason: /^1 call could not .*: S10\/shop on Namespace shop needs what S9\/shop does$/,
      },
    ],
  },
  { check: 'MB022', when: 'nobody asked the server', unread: /needs the cluster/ },

  {
    check: 'MB023',
    when: 'namespaces are injected by default, and only the label goes',
    drop: ['ConfigMap istio-system/istio-sidecar-injector'],
    add: [
      configMap('istio-system/istio-sidecar-injector', {
        values: '{"sidecarInjectorWebhook":{"enableNamespacesByDefault":true}}',
      }),
    ],
    intent: { endInjection: 'remove-labels' },
    finds: [
      {
        severity: 'blocker',
        resource: shop,
        reason: /enableNamespacesByDefault/,
        remedy: /istio-injection=disabled/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB023',
    when: 'the plan switches injection off in so many words',
    drop: ['ConfigMap istio-system/istio-sidecar-injector'],
    add: [
      configMap('istio-system/istio-sidecar-injector', {
        values: '{"sidecarInjectorWebhook":{"enableNamespacesByDefault":true}}',
      }),
    ],
    intent: { endInjection: 'disable' },
  },
  {
    check: 'MB023',
    when: 'config maps may not be read',
    facts: { unreadable: { configMap: 'no permission to list ConfigMaps in istio-system' } },
    unread: /no permission/,
  },

  {
    check: 'MB024',
    when: 'the revision goes with the flip',
    ...labelled({ 'istio.io/rev': 'stable' }),
    finds: [
      {
        severity: 'info',
        resource: shop,
        reason: /goes with the flip/,
        remedy: /istio\.io\/rev=stable/,
      },
    ],
  },
  {
    check: 'MB024',
    when: 'the namespace is ambient, and nothing would take the revision away',
    ...labelled({ 'istio.io/rev': 'stable', 'istio.io/dataplane-mode': 'ambient' }),
    intent: { state: 'ambient' },
    finds: [
      {
        severity: 'blocker',
        resource: shop,
        reason: /the next pods get a sidecar/,
        remedy: /istio-injection=disabled/,
        acceptable: false,
      },
    ],
  },
  {
    check: 'MB024',
    when: 'injection is off in so many words',
    ...labelled({ 'istio.io/rev': 'stable', 'istio-injection': 'disabled' }),
  },

  {
    check: 'MB025',
    when: 'some pods have no sidecar',
    add: [pod('debug', { sidecar: false })],
    finds: [
      {
        severity: 'warning',
        resource: 'Deployment shop/debug',
        reason: /^1 pod without a sidecar joins the mesh/,
        remedy: /kubectl -n shop label pod debug-\S+ istio\.io\/dataplane-mode=none/,
      },
    ],
  },
  {
    check: 'MB025',
    when: 'no pod has one',
    drop: [shop, 'Pod shop/cart-5d9c7b8f6-x2k4q'],
    add: [namespace('shop'), pod('cart', { sidecar: false }), pod('web', { sidecar: false })],
    finds: [
      { severity: 'warning', resource: shop, reason: /^All 2 pods of 2 workloads join the mesh/ },
    ],
  },
  {
    check: 'MB025',
    when: 'those without are out for other reasons',
    add: [
      pod('host', { sidecar: false, spec: { hostNetwork: true, containers: [] } }),
      pod('out', { sidecar: false, labels: { 'istio.io/dataplane-mode': 'none' } }),
      pod('in', { sidecar: false, annotations: { 'ambient.istio.io/redirection': 'enabled' } }),
      pod('waypoint', {
        sidecar: false,
        labels: { 'gateway.networking.k8s.io/gateway-name': 'waypoint' },
      }),
      changed('status.phase', 'Succeeded')(pod('done', { sidecar: false })),
    ],
  },
  {
    check: 'MB025',
    when: 'files hold no pods',
    facts: { unreadable: { pod: 'the files hold no Pod' } },
    unread: /files hold no Pod/,
  },

  {
    check: 'MB026',
    when: 'something changed since',
    context: {
      drift: [{ resource: 'AuthorizationPolicy shop/deny', namespace: 'shop', what: 'changed' }],
    },
    finds: [
      {
        severity: 'blocker',
        resource: 'AuthorizationPolicy shop/deny',
        reason: /was changed since the plan was made/,
        acceptable: false,
      },
    ],
  },
  { check: 'MB026', when: 'the mesh is healthy', context: { drift: [] } },
  {
    check: 'MB026',
    when: 'there is no plan yet',
    add: [sidecarPod('web')],
    unread: /no earlier plan/,
  },
]

testChecks(namespaceChecks, cases)
