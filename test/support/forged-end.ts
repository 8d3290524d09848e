// A lie that a hostile run tells of itself.
/** For the shell of a run: says over and over what its supervisor says at its end. */
export const FORGED_END = [
  'cd /ironcage/bus/runs/$IRONCAGE_RUN',
  `while :; do echo '{"state":"exited","exitCode":0,"beat":9}' >.forged; mv .forged status.json; sleep 0.02; done`,
].join('; ');
