import type { PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { PhoneBook } from '../../../application/ports';
import { PhoneBookEntity } from './phone-book.mapping';

export class PostgresPhoneBook extends PhoneBook {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.unitOfWork.manager.findOneBy(PhoneBookEntity, { key }))?.entry;
  }

  async set(key: string, entry: string): Promise<void> {
    await this.unitOfWork.manager.upsert(PhoneBookEntity, { key, entry }, ['key']);
  }
}
