/** Wakes a background job of this process ahead of its schedule. */
export abstract class JobTrigger {
  /**
   * Takes effect when the open unit of work commits, or immediately if none is open. A lost trigger only causes a
   * delay: every job also runs on its schedule.
   * @param job the job's name, as listed in the module.
   */
  abstract trigger(job: string): void;
}
