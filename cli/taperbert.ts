#!/usr/bin/env node
/** The `taperbert` command. It only connects a process to main(). */
import { processIo } from "./io.ts";
import { main } from "./main.ts";

// Not process.exit(): what was written to a pipe must arrive.
process.exitCode = await main(process.argv.slice(2), processIo());
