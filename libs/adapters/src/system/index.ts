import { Clock, IdGenerator } from '@atlas/ports';
import { v7 } from 'uuid';

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}

export class UuidV7Generator extends IdGenerator {
  next(): string {
    return v7();
  }
}
