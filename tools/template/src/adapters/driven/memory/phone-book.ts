import type { MemoryTable, MemoryUnitOfWork } from '@atlas/testing';
import { PhoneBook } from '../../../application/ports';

export class MemoryPhoneBook extends PhoneBook {
  private readonly entries: MemoryTable<string>;

  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
    this.entries = unitOfWork.database.table('phone book');
  }

  get(key: string): Promise<string | undefined> {
    return this.unitOfWork.run(async () => this.unitOfWork.current.get(this.entries, key));
  }

  set(key: string, entry: string): Promise<void> {
    return this.unitOfWork.run(async () => this.unitOfWork.current.set(this.entries, key, entry));
  }
}
