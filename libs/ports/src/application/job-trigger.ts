/** Runs a background job of this process soon, instead of at its next turn. */
export abstract class JobTrigger {
  /**
   * Takes effect when the open unit of work commits, or at once outside of one. A lost trigger only costs time: every
   * job also runs on its own schedule.
   * @param job the job's name, as the module lists it.
   */
  abstract trigger(job: string): void;
}
