import type { ObservableLog } from '../ports';
import { ListConsumerLags } from './list-consumer-lags';

const TOPIC = 'lending.events';

describe('The lag of consumers', () => {
  const lags = (
    ends: readonly (readonly [topic: string, partition: number, end: number])[],
    committed: readonly (readonly [group: string, topic: string, partition: number, committed: number])[],
  ) => {
    const log = {
      describe: async (topics: readonly string[]) =>
        ends
          .filter(([topic]) => topics.includes(topic))
          .map(([topic, partition, end]) => ({ topic, partition, begin: 0, end })),
      groupOffsets: async (groups: readonly string[]) =>
        committed
          .filter(([group]) => groups.includes(group))
          .map(([group, topic, partition, offset]) => ({ group, topic, partition, committed: offset })),
    } as unknown as ObservableLog;
    return new ListConsumerLags(log, TOPIC, ['shelves', 'fees']).execute();
  };

  it('is how many records of each partition a group has not committed yet', async () => {
    const found = await lags(
      [
        [TOPIC, 0, 10],
        [TOPIC, 1, 7],
      ],
      [
        ['shelves', TOPIC, 0, 4],
        ['shelves', TOPIC, 1, 7],
        ['fees', TOPIC, 1, 0],
      ],
    );
    expect(found).toEqual([
      { group: 'shelves', partition: 0, records: 6 },
      { group: 'shelves', partition: 1, records: 0 },
      { group: 'fees', partition: 1, records: 7 },
    ]);
  });

  it('counts the records of its own topic and its consumers only', async () => {
    const found = await lags(
      [
        [TOPIC, 0, 10],
        ['shelves.events', 0, 99],
      ],
      [
        ['shelves', TOPIC, 0, 4],
        ['shelves', 'shelves.events', 0, 0],
        ['strangers', TOPIC, 0, 0],
      ],
    );
    expect(found).toEqual([{ group: 'shelves', partition: 0, records: 6 }]);
  });

  it('is never negative: a group may have read on since the ends were read', async () => {
    expect(await lags([[TOPIC, 0, 3]], [['shelves', TOPIC, 0, 5]])).toMatchObject([{ records: 0 }]);
    expect(await lags([], [['shelves', TOPIC, 0, 5]])).toMatchObject([{ records: 0 }]);
  });
});
