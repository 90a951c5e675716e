#!/usr/bin/env node
// The installed command: runs the compiled tools (npm run build makes them).
import '../dist/tools/cli.js';
