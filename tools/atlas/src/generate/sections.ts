import { UserError } from '../user-error';

const BEGIN = 'Generated from apps/*/context.json by "npm run generate":';
const END = 'End of what is generated:';

/** The line that begins or ends a section, as a comment of the file's language. */
const mark = (file: string, text: string): string =>
  file.endsWith('.md') ? `<!-- ${text} -->` : `# ${text}`;

/**
 * Replaces what stands between the two comment lines that mark a section of a YAML or Markdown file.
 * @param file for messages, such as `compose.yaml`; its ending says how comments are written.
 * @param lines without the section's own indentation.
 * @throws UserError if the file has no such section.
 */
export function replaceSection(file: string, text: string, name: string, lines: readonly string[]): string {
  const all = text.split('\n');
  const [first, last] = [mark(file, `${BEGIN} ${name}`), mark(file, `${END} ${name}`)];
  const begin = all.findIndex((line) => line.trim() === first);
  const end = all.findIndex((line) => line.trim() === last);
  if (begin < 0 || end < begin) {
    throw new UserError(
      `${file} has no section "${name}": put the lines "${first}" and "${last}" where it belongs`,
    );
  }
  const indent = ' '.repeat((all[begin] ?? '').search(/\S/));
  return all
    .toSpliced(begin + 1, end - begin - 1, ...lines.map((line) => (line === '' ? '' : indent + line)))
    .join('\n');
}
