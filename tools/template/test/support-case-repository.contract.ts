import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '@atlas/ports/adapters';
import { v7 } from 'uuid';
import type { SupportCaseRepository } from '../src/application/ports';
import { SupportCase, type SupportCaseChange } from '../src/domain/support-case';

/** An adapter of {@link SupportCaseRepository} and its test support. */
export interface SupportCasesUnderTest {
  readonly supportCases: SupportCaseRepository;
  readonly unitOfWork: UnitOfWork;
  /** The support case's committed events, each with its version. */
  told(supportCaseId: string): Promise<readonly string[]> | readonly string[];
  stop(): Promise<void>;
}

const at = new Date('2026-01-01T10:00:00Z');

export function supportCaseRepositoryContract(
  name: string,
  start: () => Promise<SupportCasesUnderTest>,
): void {
  describe(`The support case repository, ${name}`, () => {
    let context: SupportCasesUnderTest;
    let supportCases: SupportCaseRepository;

    beforeAll(async () => {
      context = await start();
      ({ supportCases } = context);
    });
    afterAll(() => context?.stop());

    const opened = (title = 'The first'): SupportCaseChange => SupportCase.open({ id: v7(), title, at });
    const add = async (title?: string): Promise<SupportCase> => {
      const change = opened(title);
      await supportCases.add(change);
      return change.next;
    };
    const read = async (id: string) => (await supportCases.get(id))?.snapshot();
    const close = (supportCase: SupportCase) => supportCase.close(at);

    it('returns a support case as it was added, and publishes its event', async () => {
      const supportCase = await add('Zoë’s');
      expect(await read(supportCase.id)).toEqual(supportCase.snapshot());
      expect(await context.told(supportCase.id)).toEqual(['help-desk.support-case-opened 1']);
    });

    it('adds a support case once, even under concurrent requests', async () => {
      const change = opened();
      const outcomes = await Promise.allSettled([supportCases.add(change), supportCases.add(change)]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(supportCases.add(change)).rejects.toThrow();
      expect(await context.told(change.next.id)).toEqual(['help-desk.support-case-opened 1']);
    });

    it('returns undefined for an unknown support case', async () => {
      const change = jest.fn(close);
      expect(await supportCases.get(randomUUID())).toBeUndefined();
      expect(await supportCases.update(randomUUID(), change)).toBeUndefined();
      expect(change).not.toHaveBeenCalled();
    });

    it('saves a change with its event', async () => {
      const { id } = await add();
      const updated = await supportCases.update(id, close);
      expect(updated?.snapshot()).toMatchObject({ status: 'closed', version: 2 });
      expect(await read(id)).toEqual(updated?.snapshot());
      expect(await context.told(id)).toEqual([
        'help-desk.support-case-opened 1',
        'help-desk.support-case-closed 2',
      ]);
    });

    it('serializes concurrent updates of a support case, and loses none', async () => {
      const { id } = await add();
      await Promise.all(Array.from({ length: 6 }, () => supportCases.update(id, close)));
      expect(await read(id)).toMatchObject({ status: 'closed', version: 2 });
      expect(await context.told(id)).toHaveLength(2);
    });

    it('rolls back when a change throws', async () => {
      const { id } = await add();
      const before = await read(id);
      const refused = supportCases.update(id, () => {
        throw new Error('refused');
      });
      await expect(refused).rejects.toThrow('refused');
      expect(await read(id)).toEqual(before);
    });

    it('rolls back when the unit of work fails', async () => {
      const before = await add();
      const added = opened();
      const unit = context.unitOfWork.run(async () => {
        await supportCases.add(added);
        await supportCases.update(before.id, close);
        throw new Error('the unit fails');
      });
      await expect(unit).rejects.toThrow('the unit fails');
      expect(await read(added.next.id)).toBeUndefined();
      expect(await read(before.id)).toEqual(before.snapshot());
      expect(await context.told(before.id)).toEqual(['help-desk.support-case-opened 1']);
      expect(await context.told(added.next.id)).toEqual([]);
    });

    it('lists support cases newest first, by status, page by page', async () => {
      const [first, second, third] = [await add(), await add(), await add()];
      await supportCases.update(second.id, close);
      const ids = async (filter: object) =>
        (await supportCases.list({ limit: 10, ...filter })).map(({ id }) => id);
      expect((await ids({})).slice(0, 3)).toEqual([third.id, second.id, first.id]);
      expect(await ids({ limit: 2 })).toEqual([third.id, second.id]);
      expect(await ids({ after: second.id, limit: 1 })).toEqual([first.id]);
      expect((await ids({ status: 'open' })).slice(0, 2)).toEqual([third.id, first.id]);
      expect(await ids({ status: 'closed', limit: 1 })).toEqual([second.id]);
    });
  });
}
