import { MemoryContext } from '@atlas/testing';
import { MemorySupportCaseRepository } from '../../adapters/driven/memory/support-cases.repository';
import { CloseSupportCase } from './close-support-case';
import { OpenSupportCase } from './open-support-case';

function world() {
  const context = new MemoryContext();
  const supportCases = new MemorySupportCaseRepository(context.unitOfWork, context.outbox);
  return {
    context,
    openSupportCase: new OpenSupportCase(supportCases, context.clock, context.ids),
    closeSupportCase: new CloseSupportCase(supportCases, context.clock),
  };
}

describe('CloseSupportCase', () => {
  it('changes a support case once, however often that is asked for', async () => {
    const { context, openSupportCase, closeSupportCase } = world();
    const { id } = await openSupportCase.execute({ title: 'The first' });
    context.clock.advance(1_000);
    const updated = await closeSupportCase.execute(id);
    expect(updated?.snapshot()).toMatchObject({ status: 'closed', changedAt: context.clock.now() });
    context.clock.advance(1_000);
    expect((await closeSupportCase.execute(id))?.snapshot()).toEqual(updated?.snapshot());
    expect(context.told(id)).toEqual(['help-desk.support-case-opened 1', 'help-desk.support-case-closed 2']);
  });

  it('has nothing to do for a support case that nobody opened', async () => {
    const { context, closeSupportCase } = world();
    expect(await closeSupportCase.execute(context.ids.next())).toBeUndefined();
  });
});
