import { rename, rm, writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'

export interface KubeconfigFacts {
  readonly server: string
  readonly caPem: string
  readonly token: string
}

const name = 'meshbench'

/** Only its owner may read it: the token in it may do everything. */
export async function writeKubeconfig(path: string, facts: KubeconfigFacts): Promise<void> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  await writeFile(temporary, kubeconfig(facts), { mode: 0o600, flag: 'wx' })
  await rename(temporary, path)
}

function kubeconfig({ server, caPem, token }: KubeconfigFacts): string {
  const authority = Buffer.from(caPem).toString('base64')
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  })
}
