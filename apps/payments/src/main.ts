import { bootService } from '@atlas/service';
import { paymentsService } from './payments.service';

void bootService(paymentsService);
