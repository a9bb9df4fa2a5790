import { EntitySchema } from 'typeorm';

export interface PhoneBookRow {
  key: string;
  entry: string;
}

export const PhoneBookEntity = new EntitySchema<PhoneBookRow>({
  name: 'phone_book',
  tableName: 'phone_book',
  columns: {
    key: { type: 'text', primary: true },
    entry: { type: 'text' },
  },
});
