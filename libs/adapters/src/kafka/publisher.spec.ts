import { requireOnce } from './publisher';

const took = (...partitions: readonly number[]) =>
  partitions.map((partition) => ({ topicName: 'lending', partition, errorCode: 0 }));

describe('A request to several brokers', () => {
  const addressed = new Set(['lending/0', 'lending/1', 'lending/2']);

  it('is good if each partition was taken once', () => {
    expect(() => requireOnce(took(2, 0, 1), addressed)).not.toThrow();
  });

  it.each([
    ['left out', took(0, 1)],
    ['taken again by its new leader', took(0, 1, 2, 2)],
    ['taken again in place of one that was left out', took(0, 1, 1)],
  ])('must not be committed if a partition was %s', (_, taken) => {
    expect(() => requireOnce(taken, addressed)).toThrow(
      'Records for lending/0, lending/1, lending/2 were sent',
    );
  });
});
