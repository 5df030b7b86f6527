#!/usr/bin/env node
import { main } from '../dist/cli.js';

// Not process.exit(): what is still on its way to a pipe would be cut.
process.exitCode = await main(process.argv.slice(2), process);
