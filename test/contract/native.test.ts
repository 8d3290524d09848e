import { startTestCage } from '../support/cage.ts';
import { describeBackend } from './backend-contract.ts';
import { describeStartPaths } from './start-paths.ts';

describeBackend('native', startTestCage);
describeStartPaths('native', startTestCage);
