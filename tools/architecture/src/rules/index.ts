import type { Rule } from '../workspace';
import { dependenciesAreDeclared } from './dependencies';
import { eventsAreComplete, topicsAreDeclared } from './events';
import { eventsOnly } from './http';
import { contextsApart, importsAreSeen } from './imports';
import { migrationsAreListed, migrationsExpand } from './migrations';
import { portsHaveSuites } from './ports';
import { sameRooms, useCases } from './rooms';
import { routesHaveAudience, writesAreIdempotent } from './routes';
import { databasesArePrivate, tablesHaveOwners } from './tables';

/** What holds for the whole repository and what no compiler checks. Where imports may lead is lint's: eslint.config.mjs. */
export const RULES: readonly Rule[] = [
  contextsApart,
  importsAreSeen,
  eventsOnly,
  eventsAreComplete,
  topicsAreDeclared,
  dependenciesAreDeclared,
  portsHaveSuites,
  writesAreIdempotent,
  routesHaveAudience,
  sameRooms,
  useCases,
  tablesHaveOwners,
  databasesArePrivate,
  migrationsAreListed,
  migrationsExpand,
];
