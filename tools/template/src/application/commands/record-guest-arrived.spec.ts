import { MemoryContext } from '@atlas/testing';
import { MemorySupportCaseRepository } from '../../adapters/driven/memory/support-cases.repository';
import { RecordGuestArrived } from './record-guest-arrived';

describe('RecordGuestArrived', () => {
  it('opens one support case, however often it is told', async () => {
    const context = new MemoryContext();
    const supportCases = new MemorySupportCaseRepository(context.unitOfWork, context.outbox);
    const recordGuestArrived = new RecordGuestArrived(supportCases, context.clock);
    const subject = context.ids.next();

    await recordGuestArrived.execute(subject);
    context.clock.advance(1_000);
    await recordGuestArrived.execute(subject);

    expect((await supportCases.get(subject))?.snapshot()).toMatchObject({ title: 'Guest arrived' });
    expect(context.told(subject)).toEqual(['help-desk.support-case-opened 1']);
  });
});
