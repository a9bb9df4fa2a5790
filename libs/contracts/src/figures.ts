/**
 * What several contexts record independently of each other, by the names under which their audits report it. Amounts are
 * in minor units, their keys are `<order id> <currency>` or `<SKU> <currency>`.
 */
export const FIGURES = {
  unitPrice: 'unit price, by SKU',
  unitsOrdered: 'units ordered, by order',
  unitsReserved: 'units reserved, by SKU',
  unitsSold: 'units sold, by SKU',
  moneyDue: 'money due, by order',
  moneyCharged: 'money charged, by order',
  moneyRefunded: 'money refunded, by order',
  moneyKept: 'money charged and not refunded, by order',
} as const;
