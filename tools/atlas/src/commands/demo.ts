import { readAdditions, type ShowOptions } from '../additions';
import { runTry } from './try';

/**
 * Shows the running platform at work: in the way of the business, or else with an example request to each context.
 * @returns the exit code: 0 only if everything ended as expected.
 */
export async function runDemo(options: ShowOptions): Promise<number> {
  const shows = (await readAdditions()).flatMap(({ show }) => show ?? []);
  const codes: number[] = [];
  for (const show of shows.length > 0 ? shows : [runTry]) codes.push(await show(options));
  return Math.max(...codes);
}
