import { UnitOfWork } from '@atlas/ports/adapters';
import { MemoryContext } from '@atlas/testing';
import { startContext } from '@atlas/testing/context';
import { MemoryPhoneBook } from '../src/adapters/driven/memory/phone-book';
import { MemorySupportCaseRepository } from '../src/adapters/driven/memory/support-cases.repository';
import { PhoneBook, SupportCaseRepository } from '../src/application/ports';
import { helpDeskApp } from '../src/help-desk.app';
import { phoneBookContract } from './phone-book.contract';
import { supportCaseRepositoryContract } from './support-case-repository.contract';

const inMemory = async () => {
  const context = new MemoryContext();
  return {
    unitOfWork: context.unitOfWork,
    supportCases: new MemorySupportCaseRepository(context.unitOfWork, context.outbox),
    phoneBook: new MemoryPhoneBook(context.unitOfWork),
    told: (id: string) => context.told(id),
    stop: async () => undefined,
  };
};

const inPostgres = async () => {
  const context = await startContext(helpDeskApp);
  return {
    unitOfWork: context.get(UnitOfWork),
    supportCases: context.get(SupportCaseRepository),
    phoneBook: context.get(PhoneBook),
    told: (id: string) => context.told(id),
    stop: () => context.stop(),
  };
};

supportCaseRepositoryContract('in memory', inMemory);
supportCaseRepositoryContract('in PostgreSQL', inPostgres);
phoneBookContract('in memory', inMemory);
phoneBookContract('in PostgreSQL', inPostgres);
