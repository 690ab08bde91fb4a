#!/usr/bin/env node
// Entry of the program: takes the command line and ends the process with its exit code.
import { runCli } from '../cli/index.ts';
import { makeHandlers, terminal } from './commands.ts';
import { productVersion } from './version.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  handlers: makeHandlers(),
  terminal,
  version: productVersion(),
});
