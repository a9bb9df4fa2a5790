import { MemoryContext } from '@atlas/testing';
import { MemorySupportCaseRepository } from '../../adapters/driven/memory/support-cases.repository';
import { SupportCase } from '../../domain/support-case';
import { GetSupportCase } from './get-support-case';

describe('GetSupportCase', () => {
  const { unitOfWork, outbox, clock, ids } = new MemoryContext();
  const supportCases = new MemorySupportCaseRepository(unitOfWork, outbox);
  const getSupportCase = new GetSupportCase(supportCases);

  it('reads a support case as it is', async () => {
    const opened = SupportCase.open({ id: ids.next(), title: 'The first', at: clock.now() });
    await supportCases.add(opened);
    expect((await getSupportCase.execute(opened.next.id))?.snapshot()).toEqual(opened.next.snapshot());
  });

  it('finds no support case that nobody opened', async () => {
    expect(await getSupportCase.execute(ids.next())).toBeUndefined();
  });
});
