// The error for a container whose first process is not there when it is looked for.
import { IronError } from '../../platform/errors.ts';

export function goneMeanwhile(): IronError {
  return new IronError('E_BACKEND', {
    message: 'the container ended as soon as it was started',
    hint: 'its image may be of another architecture than this machine; the engine’s `inspect` says more',
  });
}
