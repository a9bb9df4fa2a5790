/** HTML that needs no more escaping. */
export class Markup {
  constructor(readonly text: string) {}
}

type Content = string | number | Markup | undefined | false | readonly Content[];

/** A template of HTML: texts in it are escaped, other markup and lists are not. */
export const html = (strings: TemplateStringsArray, ...values: readonly Content[]): Markup =>
  new Markup(strings.reduce((text, part, index) => `${text}${written(values[index - 1])}${part}`));

function written(content: Content): string {
  if (content === undefined || content === false) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(written).join('');
  return String(content)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
