/** Of Kubernetes, whose API server the embedded one is held to (test/conformance). */
export const kubernetesRelease = { major: '1', minor: '36', version: 'v1.36.3' } as const
