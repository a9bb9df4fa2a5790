import { type Parts, REAL_PARTS } from '../world';
import { AckBeforeCommit } from './ack-before-commit';
import { CursorById } from './cursor-by-id';
import { NoInbox } from './inbox-dropped';

/** Known mistakes, each in place of the class that gets it right. The simulation must find every one of them. */
export const MUTATIONS: Readonly<Record<string, Partial<Parts>>> = {
  'ack-before-commit': { Positions: AckBeforeCommit },
  'cursor-by-id': { OutboxSource: CursorById },
  'inbox-dropped': { Inbox: NoInbox },
};

/** The real classes, but for those that the mutation replaces. */
export const partsWith = (mutation: string | undefined): Parts => ({
  ...REAL_PARTS,
  ...(mutation === undefined ? {} : MUTATIONS[mutation]),
});
