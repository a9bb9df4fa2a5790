import * as contracts from '@atlas/contracts';
import { MAX_LINES } from '../src/domain/order';
import { MAX_QUANTITY } from '../src/domain/order-line';

describe("The limits of orders' domain", () => {
  it('match the published language', () => {
    expect({ MAX_LINES, MAX_QUANTITY }).toEqual({
      MAX_LINES: contracts.MAX_LINES,
      MAX_QUANTITY: contracts.MAX_QUANTITY,
    });
  });
});
