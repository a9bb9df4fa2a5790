import { bootService } from '@atlas/service';
import { paymentProviderService } from './payment-provider.service';

void bootService(paymentProviderService);
