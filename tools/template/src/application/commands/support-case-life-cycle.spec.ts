import { MemoryContext } from '@atlas/testing';
import { MemorySupportCaseRepository } from '../../adapters/driven/memory/support-cases.repository';
import { GetSupportCase } from '../queries/get-support-case';
import { ListSupportCases } from '../queries/list-support-cases';
import { CloseSupportCase } from './close-support-case';
import { OpenSupportCase } from './open-support-case';

function world() {
  const context = new MemoryContext();
  const { clock, ids } = context;
  const supportCases = new MemorySupportCaseRepository(context.unitOfWork, context.outbox);
  const openSupportCase = new OpenSupportCase(supportCases, clock, ids);
  const get = new GetSupportCase(supportCases);
  return {
    clock,
    newId: () => ids.next(),
    open: async (title = 'The first') => (await openSupportCase.execute({ title })).id,
    close: new CloseSupportCase(supportCases, clock),
    list: new ListSupportCases(supportCases),
    get,
    state: async (id: string) => (await get.execute(id))?.snapshot(),
    told: (id: string) => context.told(id).map((event) => event.replace('help-desk.support-case-', '')),
  };
}

describe('A support case', () => {
  it('is opened, then closed', async () => {
    const { open, close, clock, state, told } = world();
    const id = await open('Broken');
    expect(await state(id)).toMatchObject({ title: 'Broken', status: 'open', openedAt: clock.now() });
    clock.advance(1_000);
    await close.execute(id);
    expect(await state(id)).toMatchObject({ status: 'closed', changedAt: clock.now() });
    expect(told(id)).toEqual(['opened 1', 'closed 2']);
  });

  it('that nobody opened is not there', async () => {
    const { newId, get } = world();
    expect(await get.execute(newId())).toBeUndefined();
  });

  it('is listed newest first, by status, page by page', async () => {
    const { open, close, list } = world();
    const [first, second, third] = [await open(), await open(), await open()];
    await close.execute(second);
    const ids = async (filter: object) => (await list.execute({ limit: 10, ...filter })).map(({ id }) => id);
    expect(await ids({})).toEqual([third, second, first]);
    expect(await ids({ limit: 2 })).toEqual([third, second]);
    expect(await ids({ after: second })).toEqual([first]);
    expect(await ids({ status: 'open' })).toEqual([third, first]);
  });
});
