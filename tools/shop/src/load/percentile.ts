/**
 * The nearest-rank percentile: the smallest of the values that at least `percent` of them don't exceed.
 * @param sorted ascending.
 * @param percent over 0, up to 100.
 * @returns undefined if there are no values.
 */
export const percentile = (sorted: readonly number[], percent: number): number | undefined =>
  sorted[Math.ceil((percent / 100) * sorted.length) - 1];
