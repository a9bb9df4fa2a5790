import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';
import { type Comparison, countsOf, type Reason, type Row, type Section } from '../comparison';
import type { ContextModel } from '../model/model';
import type { Cell } from '../sections';
import { inline } from './inline';

export interface TerminalOptions {
  /** Also what is the same. */
  readonly same: boolean;
  readonly colour: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

type Style = Parameters<typeof styleText>[0];

/** A comparison as a terminal shows it: the reasons first, then every section with what differs. */
export function printComparison(comparison: Comparison, options: TerminalOptions): string {
  const { left, right, sections, reasons } = comparison;
  const paint = (style: Style, text: string) =>
    options.colour ? styleText(style, text, { validateStream: false }) : text;
  const { same, all } = countsOf(comparison);
  const folded = options.same ? '' : '; --same shows what is';
  return [
    `${paint('bold', left.name)}: ${left.description}`,
    `${paint('bold', right.name)}: ${right.description}`,
    '',
    ...(reasons.length > 0
      ? [
          paint('bold', 'What differs for a reason'),
          ...reasons.map((each) => reasonLine(each, options.width)),
          '',
        ]
      : []),
    ...sections.flatMap((section) => sectionLines(section, comparison, options, paint)),
    `${same} of ${all} things are the same${folded}.`,
    '',
  ].join('\n');
}

const reasonLine = ({ context, of, why }: Reason, width: number): string =>
  wrapped(`- ${context}, ${of}: ${why.text}`, width, '  ');

function sectionLines(
  { title, rows }: Section,
  { left, right }: Comparison,
  { same, width }: TerminalOptions,
  paint: Paint,
): readonly string[] {
  const shown = rows.filter(({ verdict }) => verdict === 'differs' || (same && verdict === 'same'));
  const alike = rows.filter(({ verdict }) => verdict === 'same').map(({ left: cell }) => cell?.name ?? '');
  const [onlyLeft = [], onlyRight = []] = (['left', 'right'] as const).map((side) =>
    rows.filter(({ verdict }) => verdict === side).map((row) => aloneText(row, side, paint)),
  );
  const lines = [paint('bold', title)];
  if (alike.length > 0 && !same) lines.push(wrapped(`  the same: ${alike.join(', ')}`, width, '  '));
  const column = Math.floor((width - 7) / 2);
  const table = new Table({
    head: [left.name, right.name],
    colWidths: [column + 2, column + 2],
    style: { head: [], border: [], compact: true },
  });
  // A row of the table for each line: cli-table3 measures a whole cell for each of its lines, which takes seconds.
  const push = (...texts: readonly [left: string, right: string]) => {
    const [ours, theirs] = texts.map((text) => wrapEach(text, column).split('\n')) as [string[], string[]];
    for (let line = 0; line < Math.max(ours.length, theirs.length); line++)
      table.push([ours[line] ?? '', theirs[line] ?? '']);
  };
  for (const row of shown) push(cellText(row, 'left', paint), cellText(row, 'right', paint));
  // What only one has needs no row of its own: the two lists stand beside each other.
  if (onlyLeft.length + onlyRight.length > 0) push(onlyLeft.join('\n') || '–', onlyRight.join('\n') || '–');
  return [...lines, ...(table.length > 0 ? [table.toString()] : []), ''];
}

/** What differs of something that both have. */
function cellText(row: Row, side: 'left' | 'right', paint: Paint): string {
  return [
    nameIn(row[side], paint),
    ...row.aspects.flatMap((aspect) => {
      const { label, common, same } = aspect;
      if (same) return [];
      const lines = [...aspect[side], ...(common.length > 0 ? [`${common.length} the same`] : [])];
      const text = inline(lines);
      const heading = label === '' ? [] : [`  ${label}:`];
      if (text === undefined) return [...heading, ...lines.map((line) => `    ${line}`)];
      return [`  ${label === '' ? '' : `${label}: `}${text || '–'}`];
    }),
  ].join('\n');
}

/** Something that the other lacks, in a few words. */
function aloneText(row: Row, side: 'left' | 'right', paint: Paint): string {
  const told = row.aspects
    .filter(({ label }) => !QUIET.has(label))
    .map((aspect) => `${aspect.label} ${aspect[side].join(', ')}`.trim());
  const says = told.length === 0 ? row[side]?.says : told.join('; ');
  return `${nameIn(row[side], paint)}${says === undefined ? '' : `: ${says}`}`;
}

/** Bold word by word, so that a line may end after each. */
const nameIn = (cell: Cell | undefined, paint: Paint): string =>
  (cell?.name ?? '')
    .split(' ')
    .map((word) => paint('bold', word))
    .join(' ');

/** Of what only one has, these say little beside the rest. */
const QUIET = new Set([
  'needs',
  'refuses',
  'methods',
  'in tests',
  'suite',
  'checks',
  'columns',
  'data',
  'changes',
  'references',
  'key',
]);

type Paint = (style: Style, text: string) => string;

/** Wraps every line; what is continued is indented a little more. */
function wrapEach(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => {
      const indent = /^ */.exec(line)?.[0] ?? '';
      return `${indent}${wrapped(line.slice(indent.length), width - indent.length - 2, `${indent}  `)}`;
    })
    .join('\n');
}

/** Escape sequences for colours take no room. */
const visible = (text: string): number => stripVTControlCharacters(text).length;

function wrapped(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && visible(line) + visible(word) + 1 > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** All contexts beside each other: what each has, by number. */
export function printMatrix(models: readonly ContextModel[]): string {
  const table = new Table({
    head: ['', ...models.map(({ name }) => name)],
    style: { head: [], border: [], compact: true },
  });
  for (const { label, values } of matrixRows(models)) table.push([label, ...values]);
  return `${table.toString()}\n`;
}

interface MatrixRow {
  readonly label: string;
  readonly values: readonly string[];
}

function matrixRows(models: readonly ContextModel[]): readonly MatrixRow[] {
  const row = (label: string, value: (model: ContextModel) => string | number): MatrixRow => ({
    label,
    values: models.map((model) => String(value(model) || '–')),
  });
  const ideas = new Map(models.flatMap((model) => model.ideas.map((idea) => [idea.id, idea] as const)));
  return [
    row('aggregates', ({ aggregates }) => aggregates.map(({ name }) => name).join(', ')),
    row('states', ({ aggregates }) => Math.max(0, ...aggregates.map(({ states }) => states.length))),
    row('transitions', ({ aggregates }) =>
      aggregates.reduce((sum, { transitions }) => sum + transitions.length, 0),
    ),
    row('commands', ({ commands }) => commands.length),
    row('queries', ({ queries }) => queries.length),
    row('routes', ({ routes }) => routes.length),
    row('jobs', ({ jobs }) => jobs.length),
    row('events in', ({ eventsIn }) => eventsIn.length),
    row('events out', ({ eventsOut }) => eventsOut.length),
    row('hears from', ({ eventsIn }) => [...new Set(eventsIn.map(({ producer }) => producer))].join(', ')),
    row('ports', ({ ports }) => ports.length),
    row('adapters', ({ ports }) => ports.reduce((sum, { adapters }) => sum + adapters.length, 0)),
    row('tables', ({ tables }) => tables.length),
    row('indexes', ({ tables }) => tables.reduce((sum, { indexes }) => sum + indexes.length, 0)),
    row('isolation', ({ transactions }) => transactions.isolation ?? 'by statement'),
    row('takes turns', ({ transactions: { access } }) =>
      [...new Set(access.flatMap(({ turns }) => turns.map((turn) => turn.name)))].join(', '),
    ),
    row('calls outside', ({ policies }) => policies.map(({ name }) => name).join(', ')),
    ...[...ideas.values()]
      .sort((a, b) => a.chapters[1] - b.chapters[1])
      .map(({ id, title }) =>
        row(title, (model) => (model.ideas.some((idea) => idea.id === id) ? 'yes' : '')),
      ),
    row('lines of code', ({ size }) => size.total),
    row('lines of tests', ({ tests }) => tests.lines),
  ];
}
