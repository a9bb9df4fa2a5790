/** The text, or its first `limit` characters and an ellipsis if it is longer: for texts of unknown length in messages. */
export const shortened = (text: string, limit: number): string =>
  text.length > limit ? `${text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')}…` : text;
