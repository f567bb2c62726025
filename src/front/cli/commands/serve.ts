import { Command, InvalidArgumentError, Option } from "commander";
import { type ServeEvent, type Serving, serve } from "#app";
import type { CompressionChoice } from "#compress";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { sentenceOf } from "../failure.ts";
import { findingLines } from "../findings.ts";
import { note, say, scriptOutput, tellSentence } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface ServeCommandOptions extends PlaceOptions, CacheOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly watch?: true;
  readonly check: boolean;
  readonly compression?: CompressionChoice;
}

const HOST = "127.0.0.1";
const PORT = 5000;

export function command(): Command {
  const listen = new Option(
    "--listen <address>",
    "where to listen: a port of this machine's own, or HOST:PORT; 0 is a port that is free",
  )
    .argParser(listenAddress)
    .default(listenAddress(`${PORT}`), `${HOST}:${PORT}`);
  const command = new Command("serve")
    .description(
      "Serves images to whoever pulls them: a registry that can only be read. A spec's image is made when it is first asked for, and layers are packed when they are fetched. Ends with Ctrl-C.",
    )
    .argument("<spec or image...>", "projects' folders, specs, and places of images")
    .addOption(listen)
    .option("--watch", "make the images of projects and specs anew when their files change")
    .option("--no-check", "serve images without looking for what is wrong with them: see varve check");
  return cacheOptions(placeOptions(compressionOption(command))).action(run);
}

async function run(given: readonly string[], options: ServeCommandOptions): Promise<void> {
  const { listen, watch, check, compression } = options;
  await onMachine(options, async (operation) => {
    // An image is made again and again, and what there is to say of it is mostly the same.
    const told = new Set<string>();
    const once = (tell: (line: string) => void) => (line: string) => {
      if (!told.has(line)) tell(line);
      told.add(line);
    };
    await serve(given, {
      ...{ ...operation, listen, watch, check, compression },
      onReady: (serving) => tellReady(serving, watch),
      onEvent: eventTeller(),
      onFindings: (findings) => findingLines(findings, { most: 3, withBase: false }).forEach(once(say)),
      onNote: once(note),
      onDerived: once(tellSentence),
      onOutput: scriptOutput,
    });
  });
}

function tellReady({ host, isLocal, images }: Serving, watch = false): void {
  say(`Listening on ${host}${isLocal ? "" : ", for everybody who reaches it"}; Ctrl-C ends it.`);
  for (const { given, repository, tags } of images) {
    say(`  ${host}/${repository}  ${tags.join(", ")}  (${given})`);
  }
  const [first] = images;
  if (first !== undefined) say(`Try: docker pull ${host}/${first.repository}`);
  if (watch) say("Images are made anew when their files change.");
}

/** Tells what happens, in one line each time. */
function eventTeller(): (event: ServeEvent) => void {
  const digests = new Map<string, string>();
  return (event) => {
    const name = event.image === "" ? "" : `${event.image}: `;
    if (event.kind === "changed") say(`${name}${event.path} has changed`);
    else if (event.kind === "made") {
      const isSame = digests.get(event.image) === event.digest;
      digests.set(event.image, event.digest);
      if (isSame) say(`${name}the image is the same`);
      else say(`${name}${event.tags.join(", ")} is ${event.digest}`);
    } else if (event.isStale) say(`${name}${sentenceOf(event.error)}; it is made anew for the next pull`);
    else say(`${name}${sentenceOf(event.error)}${event.image === "" ? "" : "; what was made before stays"}`);
  };
}

/** `5000`, `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000`. */
function listenAddress(text: string): ServeCommandOptions["listen"] {
  const [, address, name, digits] = /^(?:(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) {
    throw new InvalidArgumentError("It must be a port or HOST:PORT, such as 5001 or 127.0.0.1:5001.");
  }
  return { host: address ?? name ?? HOST, port };
}
