import type { ContextModel, Part, UseCase } from '../../../atlas/src/compare/model/model';
import type { Page, WrittenPages } from '../pages';
import { code, paragraphs, table } from './markdown';

/** What the contexts are, read from their code as `atlas compare` reads it: an overview, and a page for each. */
export function contextPages(models: readonly ContextModel[], links: WrittenPages): readonly Page[] {
  const index = paragraphs(
    '# Contexts',
    'Generated from the code, which `npx atlas compare A B` sets side by side.',
    table(
      ['context', 'what it does', 'aggregates', 'publishes', 'consumes events of'],
      models.map((model) => [
        `[${model.title}](./${model.name}.md)`,
        model.description,
        model.aggregates.map(({ name }) => name).join(', '),
        String(model.eventsOut.length),
        [...new Set(model.eventsIn.map(({ producer }) => producer))].join(', ') || 'nobody',
      ]),
    ),
  );
  return [
    { path: 'reference/contexts/index.md', text: index },
    ...models.map((model) => ({
      path: `reference/contexts/${model.name}.md`,
      text: contextPage(model, links),
    })),
  ];
}

function contextPage(model: ContextModel, links: WrittenPages): string {
  const to = ({ name, source }: Part): string => links.linkToCode(code(name), source.file);
  const says = (part: Part): string =>
    [part.says ?? '', part.why ? `Why: ${part.why.text}` : ''].filter(Boolean).join(' ');
  const drivers = ({ drivers: all }: UseCase): string =>
    all
      .map((driver) =>
        driver.kind === 'http'
          ? code(`${driver.method} ${driver.path}`)
          : driver.kind === 'event'
            ? code(driver.type)
            : `the job ${driver.name}`,
      )
      .join(', ');
  const section = (title: string, rows: readonly (readonly string[])[], ...heading: readonly string[]) =>
    rows.length > 0 && `## ${title}\n\n${table(heading, rows)}`;
  const event = (type: string): string => `[${type}](../events/${type}.md)`;
  return paragraphs(
    `# ${model.title}`,
    model.description,
    `Its [HTTP API](../api/${model.name}.md). Compare it with another: \`npx atlas compare ${model.name} …\`.`,
    ...model.aggregates.map((aggregate) =>
      paragraphs(
        `## ${aggregate.name}`,
        says(aggregate),
        aggregate.states.length > 0 &&
          table(
            ['from', 'to', 'by', 'events'],
            aggregate.transitions.map(({ from, to: next, by, events }) => [
              from ?? '(new)',
              next,
              code(by),
              events.join(', '),
            ]),
          ),
        aggregate.invariants.length > 0 &&
          `It refuses:\n\n${aggregate.invariants.map((each) => `- ${each.name}`).join('\n')}`,
      ).trim(),
    ),
    section(
      'Commands',
      model.commands.map((each) => [to(each), says(each), drivers(each), each.ports.join(', ')]),
      ...['command', 'what it does', 'called by', 'ports'],
    ),
    section(
      'Queries',
      model.queries.map((each) => [to(each), says(each), drivers(each), each.consistency.text]),
      ...['query', 'what it reads', 'called by', 'consistency'],
    ),
    section(
      'Events in',
      model.eventsIn.map((each) => [event(each.type), each.producer, each.runs.join(', ')]),
      ...['event', 'of', 'runs'],
    ),
    section(
      'Events out',
      model.eventsOut.map((each) => [
        event(each.type),
        String(each.version),
        each.consumers.join(', ') || 'nobody',
      ]),
      ...['event', 'version', 'consumed by'],
    ),
    section(
      'Ports',
      model.ports.map((port) => [
        to(port),
        says(port),
        port.adapters.map((adapter) => `${to(adapter)}${adapter.isServed ? '' : ' (tests)'}`).join(', '),
        port.suite ? links.linkToCode(`${port.suite.cases} cases`, port.suite.file) : '',
      ]),
      ...['port', 'what for', 'adapters', 'contract suite'],
    ),
    section(
      'Tables',
      model.tables.map((each) => [
        to(each),
        each.columns.map(({ name }) => name).join(', '),
        each.indexes
          .map(({ columns, where }) => `${columns.join(', ')}${where ? ` where ${where}` : ''}`)
          .join('; '),
      ]),
      ...['table', 'columns', 'indexes'],
    ),
    section(
      'Ideas of the book',
      model.ideas.map(({ title, chapters: [first, second], evidence }) => [
        title,
        `${first} / ${second}`,
        evidence
          .map(({ text, source }) => links.linkToCode(text.replace(/[[\]]/g, ''), source.file))
          .join(', '),
      ]),
      ...['idea', 'chapter (1st / 2nd edition)', 'where'],
    ),
    section(
      'Size and tests',
      [[String(model.size.total), String(model.tests.lines)]],
      ...['lines of code', 'lines of tests'],
    ),
  );
}
