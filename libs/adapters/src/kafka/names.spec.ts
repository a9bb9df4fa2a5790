import { Names } from './names';

describe('A prefix', () => {
  const names = new Names('staging.');

  it('begins every name on the brokers', () => {
    expect(names.topic('lending.events')).toBe('staging.lending.events');
    expect(names.cursorTopic('lending')).toBe('staging.atlas.cursors.lending');
    expect(names.group('shelves')).toBe('staging.shelves');
    expect(names.transactionalId('lending')).toBe('staging.atlas-lending');
  });

  it('tells our own topics and groups from those of others, of the brokers and of cursors', () => {
    const topics = [
      'staging.lending.events',
      'lending.events',
      'staging.atlas.cursors.lending',
      '__consumer_offsets',
    ];
    expect(topics.map((topic) => names.topicNamed(topic))).toEqual([
      'lending.events',
      undefined,
      undefined,
      undefined,
    ]);
    expect(topics.map((topic) => new Names().topicNamed(topic))).toEqual([
      'staging.lending.events',
      'lending.events',
      'staging.atlas.cursors.lending',
      undefined,
    ]);
    expect(new Names().topicNamed('atlas.cursors.lending')).toBeUndefined();
    expect(names.groupNamed('staging.shelves')).toBe('shelves');
    expect(names.groupNamed('shelves')).toBeUndefined();
  });

  it.each(['staging', 'stäging.', 'sta ging.', '.', '__staging.', `${'x'.repeat(249)}.`])(
    'can’t be %j',
    (prefix) => {
      expect(() => new Names(prefix)).toThrow('is not allowed');
    },
  );

  it('leaves room for the names', () => {
    const long = new Names(`${'x'.repeat(240)}.`);
    expect(long.topic('a.events')).toHaveLength(249);
    expect(() => long.topic('ab.events')).toThrow('Kafka');
    expect(() => names.cursorTopic('a source')).toThrow('The source in "staging.atlas.cursors.a source"');
  });
});
