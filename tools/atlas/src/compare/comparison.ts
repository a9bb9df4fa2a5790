import type { ContextModel, Source, Why } from './model/model';
import { type Cell, cellOf, type Entry, type SectionOf, SECTIONS } from './sections';
import { type Words, wordsOf } from './words';

/**
 * Two contexts side by side. Names are compared without what each context calls itself and its main aggregate: `GetOrder`
 * and `GetReservation` are the same query of two contexts.
 */
export interface Comparison {
  readonly left: ContextModel;
  readonly right: ContextModel;
  /** The most important first. Sections without rows are left out. */
  readonly sections: readonly Section[];
  /** Every reason that the code of either gives for something that differs, once. */
  readonly reasons: readonly Reason[];
}

export interface Section {
  readonly id: SectionOf['id'];
  readonly title: string;
  /** What the section tells, in a sentence. */
  readonly says: string;
  readonly rows: readonly Row[];
}

/** `left` and `right`: only that context has it. */
export type Verdict = 'same' | 'differs' | 'left' | 'right';

export interface Row {
  readonly verdict: Verdict;
  readonly left?: Cell;
  readonly right?: Cell;
  /** What there is to say of it. For `left` and `right` the other side is empty. */
  readonly aspects: readonly Aspect[];
}

export interface Aspect {
  readonly label: string;
  readonly same: boolean;
  /** What both have, in the words of the left one. */
  readonly common: readonly string[];
  readonly left: readonly string[];
  readonly right: readonly string[];
}

export interface Reason {
  /** The context whose code says so. */
  readonly context: string;
  readonly of: string;
  readonly why: Why;
  readonly source?: Source;
}

export function compare(left: ContextModel, right: ContextModel): Comparison {
  const words = [wordsOf(left), wordsOf(right)] as const;
  const sections = SECTIONS.map(({ id, title, says, entries }) => ({
    id,
    title,
    says,
    rows: align(entries(left), entries(right), words),
  })).filter(({ rows }) => rows.length > 0);
  return { left, right, sections, reasons: reasonsOf(left, right, sections) };
}

/** Rows of both come first, in the order of the left one; then what only one of them has. */
function align(
  left: readonly Entry[],
  right: readonly Entry[],
  [leftWords, rightWords]: readonly [Words, Words],
): readonly Row[] {
  const keyOf = (entry: Entry, words: Words) => entry.key ?? words(entry.name);
  const waiting = new Map(right.map((entry) => [keyOf(entry, rightWords), entry]));
  const both: Row[] = [];
  const onlyLeft: Row[] = [];
  for (const entry of left) {
    const key = keyOf(entry, leftWords);
    const other = waiting.get(key);
    if (!other) {
      onlyLeft.push({
        verdict: 'left',
        left: cellOf(entry),
        aspects: aspectsOf(entry, undefined, leftWords, rightWords),
      });
      continue;
    }
    waiting.delete(key);
    const aspects = aspectsOf(entry, other, leftWords, rightWords);
    both.push({
      verdict: aspects.every(({ same }) => same) ? 'same' : 'differs',
      left: cellOf(entry),
      right: cellOf(other),
      aspects,
    });
  }
  const onlyRight = [...waiting.values()].map((entry): Row => ({
    verdict: 'right',
    right: cellOf(entry),
    aspects: aspectsOf(undefined, entry, leftWords, rightWords),
  }));
  return [...both, ...onlyLeft, ...onlyRight];
}

function aspectsOf(
  left: Entry | undefined,
  right: Entry | undefined,
  leftWords: Words,
  rightWords: Words,
): readonly Aspect[] {
  const labels = new Set([...Object.keys(left?.aspects ?? {}), ...Object.keys(right?.aspects ?? {})]);
  return [...labels].flatMap((label) => {
    const [ours, theirs] = [left?.aspects[label] ?? [], right?.aspects[label] ?? []];
    if (ours.length + theirs.length === 0) return [];
    const known = theirs.map(rightWords);
    const isCommon = (line: string) => known.includes(leftWords(line));
    const common = ours.filter(isCommon);
    const shared = common.map(leftWords);
    const onlyLeft = ours.filter((line) => !isCommon(line));
    const onlyRight = theirs.filter((line) => !shared.includes(rightWords(line)));
    return [
      { label, same: onlyLeft.length + onlyRight.length === 0, common, left: onlyLeft, right: onlyRight },
    ];
  });
}

function reasonsOf(left: ContextModel, right: ContextModel, sections: readonly Section[]): readonly Reason[] {
  const found = new Map<string, Reason>();
  for (const { rows } of sections) {
    for (const row of rows) {
      if (row.verdict === 'same') continue;
      for (const [model, cell] of [
        [left, row.left],
        [right, row.right],
      ] as const) {
        if (!cell?.why || found.has(cell.why.text)) continue;
        const { name: of, why, source } = cell;
        found.set(why.text, { context: model.name, of, why, ...(source && { source }) });
      }
    }
  }
  return [...found.values()];
}

/** How many things are alike, and how many there are. */
export function countsOf({ sections }: Comparison): { readonly same: number; readonly all: number } {
  const rows = sections.flatMap((section) => section.rows);
  return { same: rows.filter(({ verdict }) => verdict === 'same').length, all: rows.length };
}
