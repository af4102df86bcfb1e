import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { accessQuestions } from '../access/permissions.ts'
import { inParallel } from './in-parallel.ts'
import { type AccessQuestion, NotReadable } from './snapshot.ts'

const WIDTH = 8

interface Review extends KubeObject {
  status?: { allowed?: boolean }
}

/** What we may do. Whatever is allowed everywhere is not asked again for each namespace. */
export async function readAccess(
  client: ClusterClient,
  target: { readonly namespaces: readonly string[]; readonly rootNamespace: string },
  signal?: AbortSignal,
): Promise<(question: AccessQuestion) => boolean> {
  const answers = new Map<string, boolean>()
  const ask = async (question: AccessQuestion): Promise<void> => {
    answers.set(keyOf(question), await review(client, question))
  }
  const questions = accessQuestions(target)
  const everywhere = distinct(questions.map(({ namespace: _, ...question }) => question))
  try {
    await inParallel(everywhere, WIDTH, ask, signal)
    const here = questions.filter(
      ({ namespace, ...question }) => namespace !== undefined && !answers.get(keyOf(question)),
    )
    await inParallel(distinct(here), WIDTH, ask, signal)
  } catch (error) {
    // Without the API group there is nobody to ask.
    if (!(error instanceof ClusterError) || (error.status !== 403 && error.status !== 404)) {
      throw error
    }
    const why = `the API server does not say what is allowed: ${error.message}`
    return () => {
      throw new NotReadable(why)
    }
  }
  return (question) => {
    const { namespace: _, ...anywhere } = question
    if (answers.get(keyOf(anywhere)) === true) return true
    const answer = answers.get(keyOf(question))
    if (answer === undefined)
      throw new NotReadable(`nobody asked whether we may ${keyOf(question)}`)
    return answer
  }
}

async function review(client: ClusterClient, question: AccessQuestion): Promise<boolean> {
  const { verb, group, resource, subresource, namespace } = question
  const resourceAttributes = {
    verb,
    group,
    resource,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    // A Namespace lies within itself for the authorizer.
    ...(resource === 'namespaces' && namespace && { name: namespace }),
  }
  const { status } = await client.create<Review>({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: { name: '' },
    spec: { resourceAttributes },
  })
  return status?.allowed === true
}

function distinct(questions: readonly AccessQuestion[]): readonly AccessQuestion[] {
  return [...new Map(questions.map((question) => [keyOf(question), question])).values()]
}

function keyOf({ verb, group, resource, subresource, namespace }: AccessQuestion): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`
  return `${verb} ${group === '' ? what : `${what}.${group}`}${namespace ? ` in ${namespace}` : ''}`
}
