/** Lets one loop rest until somebody has news for it. News that came before the rest end it at once. */
export class Wake {
  private pending = false;
  private resume: (() => void) | undefined;

  notify(): void {
    this.pending = true;
    this.resume?.();
  }

  /** @param timeoutMs after how long to go on without news. */
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
