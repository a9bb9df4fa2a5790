import fc from 'fast-check';
import { assignPartitions } from './assign-partitions';

const TOPICS = ['members', 'lending', 'shelves'];

const partitions = fc.array(
  fc.record({ topic: fc.constantFrom(...TOPICS), owner: fc.option(fc.integer({ min: 1, max: 12 })) }),
  { maxLength: 24 },
);
const numbered = <T extends object>(items: readonly T[]) =>
  items.map((item, index) => ({ id: index + 1, ...item }));
const alike = fc
  .integer({ min: 1, max: 8 })
  .map((count) => numbered(Array.from({ length: count }, () => ({ topics: TOPICS }))));
const different = fc
  .array(fc.record({ topics: fc.subarray(TOPICS) }), { minLength: 1, maxLength: 8 })
  .map(numbered);

describe("the plan that assigns a group's partitions", () => {
  it('gives every partition to a member that reads its topic, if there is one', () => {
    fc.assert(
      fc.property(partitions.map(numbered), different, (parts, members) => {
        const plan = assignPartitions(parts, members);
        for (const { id, topic } of parts) {
          const readers = members.filter(({ topics }) => topics.includes(topic)).map((member) => member.id);
          if (readers.length === 0) expect(plan.has(id)).toBe(false);
          else expect(readers).toContain(plan.get(id));
        }
      }),
    );
  });

  it('differs by at most one partition between members that read the same topics', () => {
    fc.assert(
      fc.property(partitions.map(numbered), alike, (parts, members) => {
        const plan = [...assignPartitions(parts, members).values()];
        const loads = members.map(({ id }) => plan.filter((member) => member === id).length);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('takes nothing from a member that has no more than its share', () => {
    fc.assert(
      fc.property(partitions.map(numbered), alike, (parts, members) => {
        const plan = assignPartitions(parts, members);
        const share = Math.floor(parts.length / members.length);
        for (const { id } of members) {
          const held = parts.filter(({ owner }) => owner === id);
          const kept = held.filter((part) => plan.get(part.id) === id);
          expect(kept.length).toBeGreaterThanOrEqual(Math.min(held.length, share));
        }
      }),
    );
  });

  it('is stable: applied to its own result, it changes nothing', () => {
    fc.assert(
      fc.property(partitions.map(numbered), different, (parts, members) => {
        const plan = assignPartitions(parts, members);
        const carriedOut = parts.map((part) => ({ ...part, owner: plan.get(part.id) ?? null }));
        expect(assignPartitions(carriedOut, members)).toEqual(plan);
      }),
    );
  });

  it('is reached whatever the order in which members release and take partitions', () => {
    fc.assert(
      fc.property(
        partitions.map(numbered),
        different,
        fc.array(fc.nat(), { maxLength: 20 }),
        (parts, members, turns) => {
          const state = parts.map((part) => ({ ...part }));
          const leaving = new Map<number, Set<number>>(members.map(({ id }) => [id, new Set()]));
          const takeTurn = ({ id }: { id: number }): void => {
            for (const part of state) {
              const gone = part.owner !== null && !members.some((member) => member.id === part.owner);
              if (gone || (part.owner === id && leaving.get(id)?.has(part.id))) part.owner = null;
            }
            const plan = assignPartitions(state, members);
            const takes = state.filter((part) => part.owner === null && plan.get(part.id) === id);
            for (const part of takes) part.owner = id;
            const gives = state.filter((part) => part.owner === id && plan.get(part.id) !== id);
            leaving.set(id, new Set(gives.map((part) => part.id)));
          };
          for (const turn of turns) takeTurn(members[turn % members.length] as (typeof members)[number]);

          const owners = () => state.map(({ owner }) => owner);
          for (let round = 0; round < 5; round += 1) members.forEach(takeTurn);
          const atRest = owners();
          members.forEach(takeTurn);
          expect(owners()).toEqual(atRest);
          expect([...leaving.values()].flatMap((ids) => [...ids])).toEqual([]);
          const readable = state.filter(({ topic }) => members.some(({ topics }) => topics.includes(topic)));
          expect(readable.filter(({ owner }) => owner === null)).toEqual([]);
        },
      ),
    );
  });
});
