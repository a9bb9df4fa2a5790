import { requireOnce } from './publisher';

const took = (...partitions: readonly number[]) =>
  partitions.map((partition) => ({ topicName: 'lending', partition, errorCode: 0 }));

describe('A request to several brokers', () => {
  const addressed = new Set(['lending/0', 'lending/1', 'lending/2']);

  it('succeeds if each partition accepted its records once', () => {
    expect(() => requireOnce(took(2, 0, 1), addressed)).not.toThrow();
  });

  it.each([
    ['left out', took(0, 1)],
    ['written again by its new leader', took(0, 1, 2, 2)],
    ['written twice instead of one that was left out', took(0, 1, 1)],
  ])('must not be committed if a partition was %s', (_, taken) => {
    expect(() => requireOnce(taken, addressed)).toThrow(
      'Records were sent to lending/0, lending/1, lending/2',
    );
  });
});
