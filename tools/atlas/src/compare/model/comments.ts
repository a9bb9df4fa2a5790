import type { Node } from 'ts-morph';
import type { Why } from './model';
import type { Workspace } from './workspace';

/** A comment's prose and, apart from it, the reason after `why:`. */
export interface Comment {
  readonly text: string;
  readonly why: string | undefined;
}

/** `why:` starts a reason, which ends with its paragraph, a tag, or the comment. */
const REASON = /(?:^|\n)\s*why:\s*([\s\S]*?)(?=\n\s*\n|\n\s*@\w|$)/;

/** @param raw one comment or several in a row, with their marks. */
export function parseComment(raw: string): Comment {
  const text = raw
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\/\*\*?|\*\/|\*(?!\/)|\/\/|--)\s?/, '').replace(/\s*\*\/\s*$/, ''))
    .join('\n')
    .trim();
  const [whole, reason] = REASON.exec(text) ?? [];
  return {
    text: (whole === undefined ? text : text.replace(whole, '')).trim(),
    why: reason === undefined ? undefined : oneLine(reason),
  };
}

/** The comments right before a node. */
function commentOf(node: Node): Comment {
  return parseComment(
    node
      .getLeadingCommentRanges()
      .map((range) => range.getText())
      .join('\n'),
  );
}

/** The prose without tags, up to the end of its first sentence. */
function firstSentence({ text }: Comment): string | undefined {
  const prose = oneLine(text.replace(/(?:^|\s)@\w[\s\S]*$/, '')).replace(/\{@link (\w+)\}/g, '$1');
  if (prose === '') return undefined;
  const [sentence = prose] = /^.*?[.!?](?=\s+[A-Z`]|$)/.exec(prose) ?? [];
  return sentence.replace(/\.$/, '');
}

function whyOf(workspace: Workspace, { why }: Comment): Why | undefined {
  if (why === undefined) return undefined;
  const numbers = [...why.matchAll(/\bADR (\d+)/g)].map(([, number]) => Number(number));
  return { text: why, adrs: numbers.flatMap((number) => workspace.adrs.get(number) ?? []) };
}

/** The parts of a model that a comment gives. */
export function told(workspace: Workspace, node: Node): { says?: string; why?: Why } {
  return toldBy(workspace, commentOf(node));
}

export function toldBy(workspace: Workspace, comment: Comment): { says?: string; why?: Why } {
  const says = firstSentence(comment);
  const why = whyOf(workspace, comment);
  return { ...(says !== undefined && { says }), ...(why && { why }) };
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
