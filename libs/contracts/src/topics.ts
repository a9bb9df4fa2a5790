/** How a topic must be made. One topic per context; its name is the context's. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
}

const PARTITIONS = 6;

export const topicOf = (owner: string): string => `${owner}.events`;

export const topics: readonly TopicSpec[] = ['orders', 'inventory', 'payments'].map((owner) => ({
  name: topicOf(owner),
  partitions: PARTITIONS,
}));
