import type { Payment, PaymentChange } from './payment';

/** The outcome of an attempt at a payment's next step, to be recorded. */
export interface Settlement {
  readonly paymentId: string;
  readonly change: (payment: Payment) => PaymentChange;
  /** Why the provider could not even be asked: an error of ours, to be logged. */
  readonly error?: Error;
}
