import { type Page, titleOf } from './pages';

interface Item {
  readonly text: string;
  readonly link: string;
}

interface Group {
  readonly text: string;
  readonly collapsed?: boolean;
  readonly items: readonly Item[];
}

/** Pages by their part of the site; in each in this order, then by path. What matches none is reference by hand. */
const GROUPS: readonly (readonly [title: string, pages: RegExp, collapsed?: boolean])[] = [
  ['Start', /^(?:index|start|overview|walk|compare|shape)\.md$/],
  ['Ideas of the book', /^patterns\//],
  ['Guarantees', /^(?:guarantees|tests|simulation|faults|resilience|benchmarks)\.md$/],
  [
    'How to',
    /^(?:where-does-it-go|generate|create|schema-evolution|dead-letters|positions|payments|kafka|metrics)\.md$/,
  ],
  ['Operations', /^(?:operations\.md|deploy\/)/],
  ['Contexts', /^reference\/contexts\//, true],
  ['Events', /^reference\/events\//, true],
  ['API', /^reference\/api\//, true],
  ['Decisions', /^adr\//, true],
];

export function sidebarOf(pages: readonly Page[]): readonly Group[] {
  const groupOf = ({ path }: Page) => GROUPS.find(([, pattern]) => pattern.test(path))?.[0] ?? 'More';
  return [...GROUPS, ['More', /^/] as const]
    .map(([text, , collapsed]) => ({
      text,
      ...(collapsed && { collapsed }),
      items: pages
        .filter((page) => groupOf(page) === text)
        .sort(inOrder)
        .map(itemOf),
    }))
    .filter(({ items }) => items.length > 0);
}

/** An overview comes first. */
const inOrder = (a: Page, b: Page): number =>
  Number(b.path.endsWith('index.md')) - Number(a.path.endsWith('index.md')) || a.path.localeCompare(b.path);

const itemOf = ({ path, text }: Page): Item => ({
  text: titleOf(text),
  link: `/${path.replace(/(?:index)?\.md$/, '')}`,
});
