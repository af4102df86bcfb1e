/** A Deployment as somebody's cluster exports it, of an image that is not ours. */
export const exportedApi = `apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec:
      containers: [{ name: api, image: 'registry.example/api:1', command: [/bin/api] }]
`
