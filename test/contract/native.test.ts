import { startTestCage } from '../support/cage.ts';
import { describeBackend } from './backend-contract.ts';

describeBackend('native', startTestCage);
