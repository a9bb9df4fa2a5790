import { bootService } from '@atlas/service';
import { paymentProviderApp } from './payment-provider.app';

void bootService(paymentProviderApp);
