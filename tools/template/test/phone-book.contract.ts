import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '@atlas/ports/adapters';
import type { PhoneBook } from '../src/application/ports';

/** An adapter of {@link PhoneBook} and its test support. */
export interface PhoneBookUnderTest {
  readonly phoneBook: PhoneBook;
  readonly unitOfWork: UnitOfWork;
  stop(): Promise<void>;
}

export function phoneBookContract(name: string, start: () => Promise<PhoneBookUnderTest>): void {
  describe(`The phone book, ${name}`, () => {
    let context: PhoneBookUnderTest;
    let phoneBook: PhoneBook;
    let key: string;

    beforeAll(async () => {
      context = await start();
      ({ phoneBook } = context);
    });
    beforeEach(() => (key = randomUUID()));
    afterAll(() => context?.stop());

    it('has no entry until one is set', async () => {
      expect(await phoneBook.get(key)).toBeUndefined();
    });

    it('returns an entry as it was set, whatever its characters', async () => {
      const entry = `Zoë’s "entry"; -- ${'x'.repeat(10_000)}`;
      await phoneBook.set(key, entry);
      expect(await phoneBook.get(key)).toBe(entry);
    });

    it('replaces an entry, and leaves others alone', async () => {
      const other = randomUUID();
      await phoneBook.set(other, 'other');
      await phoneBook.set(key, 'first');
      await phoneBook.set(key, 'second');
      expect(await phoneBook.get(key)).toBe('second');
      expect(await phoneBook.get(other)).toBe('other');
    });

    it('sets nothing if the unit of work fails', async () => {
      const unit = context.unitOfWork.run(async () => {
        await phoneBook.set(key, 'lost');
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await phoneBook.get(key)).toBeUndefined();
    });
  });
}
