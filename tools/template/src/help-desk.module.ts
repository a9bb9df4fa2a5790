import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide, serve } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock, IdGenerator } from '@atlas/ports/application';
import context from '../context.json';
import { HelpDesk1795737700000 } from './adapters/driven/postgres/migrations/1-help-desk';
import { PhoneBook1795737700001 } from './adapters/driven/postgres/migrations/2-phone-book';
import { PostgresPhoneBook } from './adapters/driven/postgres/phone-book';
import { PhoneBookEntity } from './adapters/driven/postgres/phone-book.mapping';
import { SupportCaseEntity } from './adapters/driven/postgres/support-case.mapping';
import { PostgresSupportCaseRepository } from './adapters/driven/postgres/support-cases.repository';
import { FrontDeskHandler } from './adapters/driving/events/front-desk.handler';
import { SupportCasesController } from './adapters/driving/http/support-cases.controller';
import { CloseSupportCase } from './application/commands/close-support-case';
import { OpenSupportCase } from './application/commands/open-support-case';
import { RecordGuestArrived } from './application/commands/record-guest-arrived';
import { PhoneBook, SupportCaseRepository } from './application/ports';
import { GetSupportCase } from './application/queries/get-support-case';
import { ListSupportCases } from './application/queries/list-support-cases';
import type { HelpDeskSettings } from './help-desk.settings';

@Module({})
export class HelpDeskModule {
  static register(settings: HelpDeskSettings): DynamicModule {
    const commands = [
      provide(OpenSupportCase, SupportCaseRepository, Clock, IdGenerator),
      provide(CloseSupportCase, SupportCaseRepository, Clock),
      provide(RecordGuestArrived, SupportCaseRepository, Clock),
    ];
    const queries = [
      provide(GetSupportCase, SupportCaseRepository),
      provide(ListSupportCases, SupportCaseRepository),
    ];
    const ports = [
      serve(SupportCaseRepository, PostgresSupportCaseRepository, PostgresUnitOfWork, Outbox),
      serve(PhoneBook, PostgresPhoneBook, PostgresUnitOfWork),
    ];

    return {
      module: HelpDeskModule,
      imports: [
        PostgresModule.register(settings, {
          entities: [SupportCaseEntity, PhoneBookEntity],
          migrations: [HelpDesk1795737700000, PhoneBook1795737700001],
        }),
        EventLogModule.register(context.name, settings),
      ],
      controllers: [SupportCasesController, FrontDeskHandler],
      providers: [...commands, ...queries, ...ports],
    };
  }
}
