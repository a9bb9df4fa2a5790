/**
 * Reads the header `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
 * @returns milliseconds from now, never negative; undefined if the header is missing or invalid.
 */
export function retryAfterMs(value: string | null | undefined): number | undefined {
  if (!value) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
