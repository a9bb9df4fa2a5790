import { bootService } from '@atlas/service';
import { paymentsApp } from './payments.app';

void bootService(paymentsApp);
