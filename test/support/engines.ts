// The image of the suites' container cages: Debian with the programs that the suites call, from the machine's own mirror.
/** Made by test/support/test-image.mjs. */
export const TEST_IMAGE = 'ironcage-test:bookworm';
