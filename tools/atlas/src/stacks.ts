import { UserError } from './user-error';

/** What `atlas` can start: local processes on embedded engines, or containers on Kafka. */
export const STACKS = ['embedded', 'docker'] as const;

export type Stack = (typeof STACKS)[number];

/** Where a platform may run. In a cluster, kubectl starts it. */
export const PLACES = [...STACKS, 'k8s'] as const;

export type Place = (typeof PLACES)[number];

/** True if the commands are to use the cluster of kubectl's current context. */
export const isOnKubernetes = (): boolean => process.env['ATLAS_STACK'] === 'k8s';

/**
 * The stack that a command starts or stops.
 * @throws UserError if that is not for `atlas` to do.
 */
export function localStack(place: Place | undefined): Stack {
  if (place !== 'k8s') return place ?? 'embedded';
  throw new UserError(
    'In a cluster, kubectl starts and stops the platform: run "kubectl apply -k deploy/k8s" or see docs/operations.md',
  );
}
