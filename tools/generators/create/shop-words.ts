/** The shop's words. Plain `order` is not among them: it is also what a list has. */
const WORDS =
  /\b(?:skus?|orders|payments?|inventory|stocks?|carts?|baskets?|shops?|checkout|refunds?|customers?)\b/i;
/** An order by its parts: `orderId`, `OrderPlaced`, `order-placed`. */
const ORDER = /\b[oO]rder(?:Id|Line|Status|Placed|Confirmed|Cancelled)|\border-\w/;

/** The lines of some code or comment that use a word of the shop, alone or as part of a name: `line: text`. */
export function shopWords(text: string): readonly string[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ');
    return WORDS.test(words) || ORDER.test(line) ? [`${index + 1}: ${line.trim()}`] : [];
  });
}
