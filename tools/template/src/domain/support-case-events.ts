/** What can happen to a support case. */
export type SupportCaseEvent =
  { readonly type: 'support-case-opened'; readonly title: string } | { readonly type: 'support-case-closed' };
