#!/usr/bin/env node
// This file must run on any Node.js, to say which version varve needs; everything else is loaded after that.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(`Error: varve needs Node.js 22.15 or newer, but this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  const args = process.argv.slice(2);
  // Scripts often ask for that alone.
  if (args.length === 1 && ["--version", "-V"].includes(args[0]!)) {
    const { printVersion } = await import("./front/cli/version.ts");
    process.exitCode = await printVersion();
  } else {
    // Imports would make modules of all that there is in them, which takes 4 ms.
    const { setFlagsFromString } = process.getBuiltinModule("node:v8");
    // varve makes many short-lived objects. Node.js would enlarge the memory for young objects, which only costs 25 MB per thread.
    setFlagsFromString("--semi-space-growth-factor=1");
    // What has run once is kept for the next time, and mustn't be forgotten before.
    setFlagsFromString("--no-flush-bytecode");
    // Compiled once, varve's own code and its libraries' start in half the time.
    const { homedir } = process.getBuiltinModule("node:os");
    const { keepCompiled } = await import("./front/cli/compile-cache.ts");
    keepCompiled({ env: process.env, home: homedir(), args });
    if (args[0] === "build") (await import("./front/cli/head-start.ts")).headStart(args.slice(1));
    const { main } = await import("./front/cli/main.ts");
    process.exitCode = await main(args);
  }
}

export {};
