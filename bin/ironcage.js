#!/usr/bin/env -S node --
const { join } = require('node:path');
const { useCompiledCode } = require('../dist/bin/compiled-code.js');
const { digest } = require('../dist/bin/package.json');

const argv = process.argv.slice(2);
const compiled = useCompiledCode({ bundle: join(__dirname, '../dist/bin'), digest }, argv);
void require('../dist/bin/main.js')
  .main(argv, compiled)
  .then((exitCode) => (process.exitCode = exitCode));
