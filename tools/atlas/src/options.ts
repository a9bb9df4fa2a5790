import { InvalidArgumentError } from 'commander';

/** Parsers for numbers on the command line. */
export const positiveInteger = numberThat(
  (value) => Number.isSafeInteger(value) && value > 0,
  'a whole number above 0',
);
export const positiveNumber = numberThat((value) => value > 0 && value < Infinity, 'a number above 0');
export const numberFromZero = numberThat((value) => value >= 0 && value < Infinity, 'a number of at least 0');
export const share = numberThat((value) => value >= 0 && value <= 1, 'a number from 0 to 1');
export const port = numberThat(
  (value) => Number.isInteger(value) && value >= 1 && value <= 65_535,
  'a port, 1 to 65535',
);

function numberThat(isAllowed: (value: number) => boolean, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !isAllowed(value)) throw new InvalidArgumentError(`It must be ${what}.`);
    return value;
  };
}
