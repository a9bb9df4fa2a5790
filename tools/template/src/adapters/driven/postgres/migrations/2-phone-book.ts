import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PhoneBook1795737700001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE phone_book (
        key text PRIMARY KEY,
        entry text NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE phone_book');
  }
}
