import type { Context } from '@atlas/testing/context';

export interface SupportCaseAnswer {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly version: number;
}

export async function openSupportCase(helpDesk: Context, title = 'The first'): Promise<SupportCaseAnswer> {
  const answer = await helpDesk.send('POST', '/support-cases', { title });
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return answer.json<SupportCaseAnswer>();
}
