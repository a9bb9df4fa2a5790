import { styleText } from 'node:util';
import Table from 'cli-table3';
import { type Aspect, type Comparison, countsOf, type Reason, type Row, type Section } from '../comparison';
import type { ContextModel, Why } from '../model/model';

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
    `${paint('bold', left.name)}: ${left.description ?? left.title}`,
    `${paint('bold', right.name)}: ${right.description ?? right.title}`,
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
  wrapped(`- ${context}, ${of}: ${whyText(why)}`, width, '  ');

export const whyText = ({ text }: Why): string => text;

function sectionLines(
  { title, rows }: Section,
  { left, right }: Comparison,
  { same, width }: TerminalOptions,
  paint: (style: Style, text: string) => string,
): readonly string[] {
  const shown = rows.filter(({ verdict }) => same || verdict !== 'same');
  const alike = rows.filter(({ verdict }) => verdict === 'same').map(({ left: cell }) => cell?.name ?? '');
  const note = alike.length > 0 && !same ? wrapped(`the same: ${alike.join(', ')}`, width, '  ') : undefined;
  const lines = [paint('bold', title)];
  if (shown.length > 0) {
    const column = Math.floor((width - 3) / 2) - 1;
    const table = new Table({
      head: [left.name, right.name],
      colWidths: [column, column],
      wordWrap: true,
      style: { head: [], border: [], compact: false },
    });
    for (const row of shown) table.push([cellText(row, 'left', paint), cellText(row, 'right', paint)]);
    lines.push(table.toString());
  }
  if (note !== undefined) lines.push(note);
  return [...lines, ''];
}

function cellText(row: Row, side: 'left' | 'right', paint: (style: Style, text: string) => string): string {
  const cell = row[side];
  if (!cell) return paint('dim', '–');
  const isAlone = row.verdict === side;
  return [
    paint('bold', cell.name),
    ...(isAlone && cell.says !== undefined ? [paint('dim', cell.says)] : []),
    ...row.aspects.flatMap((aspect) => aspectLines(aspect, side, isAlone)),
  ].join('\n');
}

/** Of what both have only the number. */
function aspectLines(aspect: Aspect, side: 'left' | 'right', isAlone: boolean): readonly string[] {
  const { label, common, same } = aspect;
  const own = aspect[side];
  if (same) return [];
  if (own.length === 0)
    return isAlone ? [] : [`${label}: ${common.length > 0 ? `${common.length} the same` : '–'}`];
  const shared = common.length > 0 ? [`${common.length} the same`] : [];
  if (own.length === 1 && shared.length === 0) return [`${label}: ${own[0]}`];
  return [`${label}:`, ...[...own, ...shared].map((line) => `  ${line}`)];
}

function wrapped(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
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

export interface MatrixRow {
  readonly label: string;
  readonly values: readonly string[];
}

export function matrixRows(models: readonly ContextModel[]): readonly MatrixRow[] {
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
    row('hears of', ({ eventsIn }) => [...new Set(eventsIn.map(({ producer }) => producer))].join(', ')),
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
