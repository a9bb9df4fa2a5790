import { digest, fraction } from '../digest';

/** Generates CSV baskets of 1 to 8 out of 40 items; the first items are far more popular than the last. */
export function generateBaskets(count: number, seed: number): string {
  const basket = (line: number) =>
    Array.from({ length: 1 + (digest(`${seed} size ${line}`) % 8) }, (_, n) => {
      const item = Math.floor(40 * fraction(`${seed} item ${line} ${n}`) ** 3);
      return `item ${item + 1}`;
    });
  return Array.from({ length: count }, (_, line) => `${basket(line).join(',')}\n`).join('');
}
