import type { ContextDeclaration } from '@atlas/context';
import { replaceSection } from './sections';

const code = (text: string): string => `\`${text}\``;

/** README.md with a row for each app that is a process of its own. */
export function readmeFile(text: string, declarations: readonly ContextDeclaration[]): string {
  const rows = declarations
    .filter(({ kind }) => kind !== 'relay')
    .map(({ name, description, processes, topics }) => {
      const relay = Object.values(processes).find(({ app }) => app !== undefined);
      return [
        code(name),
        description,
        String(processes[name]?.port ?? ''),
        String(relay?.port ?? ''),
        topics.publishes ? code(topics.publishes) : '',
        (topics.consumes ?? []).map(code).join(', '),
      ];
    });
  const heading = ['app', 'what it does', 'port', "its relay's", 'publishes', 'listens to'];
  return replaceSection('README.md', text, 'contexts', ['', ...table([heading, ...rows]), '']);
}

/** A table as Prettier aligns it; the first row is its heading. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))));
  return padded.toSpliced(1, 0, line(widths.map((width) => '-'.repeat(width))));
}
