import { databaseIsThere } from '@atlas/adapters/postgres';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { catalogue } from '../language';
import { HelpDeskModule } from './help-desk.module';
import { helpDeskSettings } from './help-desk.settings';

export const helpDeskApp = {
  name: context.name,
  title: context.title,
  description: context.description,
  settings: helpDeskSettings,
  module: (values) => HelpDeskModule.register(values),
  events: catalogue,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof helpDeskSettings.shape>;
