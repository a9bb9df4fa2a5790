export abstract class IdGenerator {
  /** A UUID that sorts by time of making (version 7, RFC 9562), so that indexes stay dense. */
  abstract next(): string;
}
