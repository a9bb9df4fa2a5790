/** Settings of a new topic. Each context has one topic. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
}

/** The topic that carries the events of a context. */
export const topicOf = (owner: string): string => `${owner}.events`;
