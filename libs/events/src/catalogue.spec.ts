import { z } from 'zod';
import { catalogueOf } from './catalogue';
import { defineEvent } from './event-contract';

const eventOf = (owner: string, type: string) =>
  defineEvent({ type, version: 1, owner, aggregate: 'loan', data: z.object({}), examples: [{}] });
const topicsOf = (...owners: string[]) => owners.map((owner) => ({ name: `${owner}.events`, partitions: 3 }));

const lent = eventOf('lending', 'lending.book-lent');
const returned = eventOf('lending', 'lending.book-returned');
const joined = eventOf('members', 'members.member-joined');

describe('A catalogue', () => {
  const topics = topicsOf('lending', 'members');
  const catalogue = catalogueOf({ contracts: [lent, returned, joined], topics });

  it('returns the distinct topics of the given events', () => {
    expect(catalogue.topicsOf([lent.type, returned.type])).toEqual([topics[0]]);
    expect(catalogue.topicsOf([joined.type, lent.type])).toEqual([topics[1], topics[0]]);
    expect(() => catalogue.topicsOf(['lending.book-eaten'])).toThrow('the type "lending.book-eaten"');
  });

  it('must have a topic for each owner, and one contract for each event', () => {
    expect(() => catalogueOf({ contracts: [joined], topics: topicsOf('lending') })).toThrow(
      'members.member-joined can\'t be published: the catalogue has no topic "members.events"',
    );
    expect(() => catalogueOf({ contracts: [lent, lent], topics })).toThrow('two contracts in the catalogue');
  });
});
