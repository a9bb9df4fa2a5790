import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from '../src/render';
import { isOfConsumer, isOfPort, replacementsFor } from '../src/template';
import { parse } from '../src/tidy';
import { filesOf, ROOT } from './copy';

/** Each context with its main aggregate, which its domain events are named after. */
const contexts = readdirSync(join(ROOT, 'apps')).flatMap((context) => {
  const domain = join(ROOT, 'apps', context, 'src/domain');
  const declaration = JSON.parse(readFileSync(join(ROOT, 'apps', context, 'context.json'), 'utf8')) as {
    kind: string;
  };
  if (declaration.kind !== 'context' || !existsSync(domain)) return [];
  return readdirSync(domain)
    .filter((file) => file.endsWith('-events.ts'))
    .map((file) => [context, file.slice(0, -'-events.ts'.length)] as const);
});

/** What the business names: use cases, their routes and tests, and what a list can be filtered by. */
const BUSINESS = /(?:open|close|list)-|get-support-case\.spec|life-cycle/;
const BUSINESS_NAMES =
  /Filter$|^PhoneBook|^MAX_|(?:Opened|Closed)$|^(?:open|list|toSupportCase|supportCase|Open|List|SupportCase).*(?:Body|Query|Response|Id)$|supportCaseId|openSupportCase|SupportCaseAnswer/;

const template = filesOf(ROOT)
  .filter((file) => file.startsWith('tools/template/') && !isOfConsumer(file) && !isOfPort(file))
  .map((file) => file.slice('tools/template/'.length))
  .filter((file) => !['language.ts', 'contract.ts'].includes(file));

/** The names that a file exports. */
const exportsOf = (text: string): readonly string[] =>
  [...parse('file.ts', text).getExportedDeclarations().keys()].sort();

describe.each(contexts)('The context %s, made of the aggregate %s,', (context, aggregate) => {
  const rename = (text: string) => render(text, replacementsFor(context, aggregate));
  const skeleton = template.filter((file) => !BUSINESS.test(file));

  it('has the rooms and files that the generator would make', () => {
    expect(skeleton.length).toBeGreaterThan(18);
    const missing = skeleton.map(rename).filter((file) => !existsSync(join(ROOT, 'apps', context, file)));
    expect(missing).toEqual([]);
  });

  it('calls what is in them as the generator would', () => {
    const missing = skeleton
      .filter((file) => file.startsWith('src/') && file.endsWith('.ts'))
      .flatMap((file) => {
        const wanted = exportsOf(readFileSync(join(ROOT, 'tools/template', file), 'utf8'))
          .filter((name) => !BUSINESS_NAMES.test(name))
          .map(rename);
        const found = exportsOf(readFileSync(join(ROOT, 'apps', context, rename(file)), 'utf8'));
        return wanted
          .filter((name) => !found.includes(name) && !/\d{13}$/.test(name))
          .map((name) => `${rename(file)} exports no ${name}`);
      });
    expect(missing).toEqual([]);
  });
});

it('The skeleton is compared with every context that has domain events', () => {
  expect(contexts).toEqual(
    expect.arrayContaining([
      ['orders', 'order'],
      ['inventory', 'reservation'],
      ['payments', 'payment'],
    ]),
  );
});
