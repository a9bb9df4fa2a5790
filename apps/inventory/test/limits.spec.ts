import * as contracts from '@atlas/contracts';
import { MAX_LINES } from '../src/domain/reservation';
import { MAX_QUANTITY } from '../src/domain/reservation-line';

describe("The limits of inventory's domain", () => {
  it('match the published language', () => {
    expect({ MAX_LINES, MAX_QUANTITY }).toEqual({
      MAX_LINES: contracts.MAX_LINES,
      MAX_QUANTITY: contracts.MAX_QUANTITY,
    });
  });
});
