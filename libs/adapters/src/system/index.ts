import { Clock, IdGenerator, Random } from '@atlas/ports/application';
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

export class SystemRandom extends Random {
  fraction(): number {
    return Math.random();
  }
}
