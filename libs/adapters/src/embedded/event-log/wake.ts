/** Lets a loop sleep until it is woken. A wake-up that came before the sleep ends it immediately. */
export class Wake {
  private pending = false;
  private resume: (() => void) | undefined;

  notify(): void {
    this.pending = true;
    this.resume?.();
  }

  /** @param timeoutMs maximum time to sleep. */
  async rest(timeoutMs: number): Promise<void> {
    if (!this.pending && timeoutMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.resume = undefined;
    }
    this.pending = false;
  }
}
