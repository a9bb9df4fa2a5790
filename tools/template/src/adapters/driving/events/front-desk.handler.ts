import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { EventOf } from '@atlas/events';
import { GuestArrived } from '../../../../language';
import { RecordGuestArrived } from '../../../application/commands/record-guest-arrived';

/** Translates events of front-desk to commands. */
@Controller()
export class FrontDeskHandler {
  constructor(private readonly recordGuestArrived: RecordGuestArrived) {}

  @EventPattern<string>(GuestArrived.type)
  guestArrived(@Payload() { subject }: EventOf<typeof GuestArrived>): Promise<void> {
    return this.recordGuestArrived.execute(subject);
  }
}
