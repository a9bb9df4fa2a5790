import { UserError } from '../user-error';

const BEGIN = 'Generated from apps/*/context.json by "npm run generate":';
const END = 'End of what is generated:';

/**
 * Replaces what stands between the two comment lines that mark a section of a YAML file.
 * @param file for messages, such as `compose.yaml`.
 * @param lines without the section's own indentation.
 * @throws UserError if the file has no such section.
 */
export function replaceSection(file: string, text: string, name: string, lines: readonly string[]): string {
  const all = text.split('\n');
  const begin = all.findIndex((line) => line.trim() === `# ${BEGIN} ${name}`);
  const end = all.findIndex((line) => line.trim() === `# ${END} ${name}`);
  if (begin < 0 || end < begin) {
    throw new UserError(
      `${file} has no section "${name}": put the lines "# ${BEGIN} ${name}" and "# ${END} ${name}" where it belongs`,
    );
  }
  const indent = ' '.repeat((all[begin] ?? '').search(/\S/));
  return all
    .toSpliced(begin + 1, end - begin - 1, ...lines.map((line) => (line === '' ? '' : indent + line)))
    .join('\n');
}
