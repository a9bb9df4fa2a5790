import { type ContextDeclaration, type DeclaredProcess, processesOf } from '@atlas/context';
import { portVariableOf, upperCase } from '../names';
import { CONTAINER_PORT as PORT } from '../ports';
import { replaceSection } from './sections';

const FILE = 'compose.yaml';

/** compose.yaml with a service for each process, and a database for each that needs one. */
export function composeFile(text: string, declarations: readonly ContextDeclaration[]): string {
  const owners = declarations.filter(({ database }) => database);
  const services = processesOf(declarations).flatMap((process, n) => [
    ...(n === 0 ? [] : ['']),
    ...serviceOf(process),
  ]);
  const sections: Record<string, readonly string[]> = {
    databases: owners.map(
      ({ name, database }) =>
        `- &${anchorOf(name)} postgres://${database}:\${${upperCase(name)}_PASSWORD:-atlas}@postgres/${database}`,
    ),
    processes: services,
    'database URLs': owners.map(({ name }) => `${upperCase(name)}_DATABASE_URL: *${anchorOf(name)}`),
  };
  return Object.entries(sections).reduce(
    (file, [name, lines]) => replaceSection(FILE, file, name, lines),
    text,
  );
}

const anchorOf = (context: string): string => `${context}-database`;

function serviceOf({ name, app, kind, context, port, stores, urls }: DeclaredProcess): string[] {
  const needsLog = stores.includes('eventLog');
  const environment = [
    needsLog ? '<<: *settings' : 'LOG_LEVEL: ${LOG_LEVEL:-info}',
    ...(kind === 'relay' ? [`SERVICE: ${context.name}`] : []),
    ...(context.database ? [`DATABASE_URL: *${anchorOf(context.name)}`] : []),
    ...Object.entries(urls).map(([setting, other]) => `${setting}: http://${other}:${PORT}`),
  ];
  // Relays get any free port of the host, so that there can be several: docker compose up --scale <name>=2
  const hostPort = kind === 'relay' ? '' : String(port);
  return [
    ...(kind === 'outside'
      ? ['# Stands in for a company outside: it has an API, books of its own, and no part in the events.']
      : []),
    `${name}:`,
    '  <<: *process',
    `  command: [${app}]`,
    ...(needsLog ? [] : ['  depends_on:', '    databases: { condition: service_completed_successfully }']),
    '  environment:',
    ...environment.map((line) => `    ${line}`),
    `  ports: ['127.0.0.1:\${${portVariableOf(name)}:-${hostPort}}:${PORT}']`,
  ];
}
