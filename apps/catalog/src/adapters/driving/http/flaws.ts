import { pointerTo, type ProblemField } from '@atlas/service';
import type { Flaw } from '../../../domain/attributes';

/** More say no more about what to correct. */
const MAX_FIELDS = 100;

/** What is wrong in a field of the body, as the errors of problem details. */
export const toProblemFields = (field: string, flaws: readonly Flaw[]): readonly ProblemField[] =>
  flaws.slice(0, MAX_FIELDS).map(({ path, detail }) => ({ pointer: pointerTo([field, ...path]), detail }));
