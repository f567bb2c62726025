/** docs/api.md: the public API, from the comments of what it exports. */
import {
  ApiCallSignature,
  ApiClass,
  ApiConstructor,
  ApiDeclaredItem,
  ApiDocumentedItem,
  ApiFunction,
  ApiInterface,
  type ApiItem,
  ApiMethod,
  ApiMethodSignature,
  ApiParameterListMixin,
  ApiVariable,
} from "@microsoft/api-extractor-model";
import { type DocComment, type DocNode, DocNodeKind, type DocSection } from "@microsoft/tsdoc";
import type { PublicApi } from "./declarations.ts";

/** What stands on the page before everything else: how a program begins. */
const INTRODUCTION = `Every function here can be called with nothing but what it is about; all else has defaults. Sizes are bytes, and times are said with their units.

First, what is to be in the image:

\`\`\`sh
mkdir -p root/app && echo 'console.log("Hello!")' > root/app/index.js
\`\`\`

Then the program. \`to\` may have several places, and each layer is made once for all of them. When it is run again, every layer's
\`outcome\` is \`"present"\`, and nothing is sent:

\`\`\`ts
import { build } from "varve";

const image = await build(
  {
    name: "hello",
    fromImage: "docker://node:22-slim",
    copyToRoot: "root",
    config: { Cmd: ["node", "/app/index.js"] },
  },
  { to: ["docker://ghcr.io/me/hello:2"] },
);
console.log(image.digest);
for (const { digest, size, outcome } of image.places[0]!.layers) console.log(digest, size, outcome);
\`\`\`

Images are named by **places**, as on the command line: \`docker-archive:PATH[:NAME]\`, \`oci:FOLDER[:TAG]\`,
\`oci-archive:PATH[:TAG]\`, \`docker://REFERENCE\`, \`docker-daemon:REFERENCE\`. A bare path is recognised by its content, and a bare
reference means a registry. Registries on this machine are spoken to over http where they have no https, and credentials are those
that Docker and podman keep.

What fails throws a \`VarveError\`, whose \`code\` stays the same from version to version. \`ErrorCode\` says what each means; these are
the ones that functions have in common, and each function names its own besides:

| what is done | codes |
|---|---|
| opening and reading an image | \`INVALID_REFERENCE\`, \`NOT_FOUND\`, \`UNREADABLE\`, \`INVALID_IMAGE\`, \`INVALID_TAR\`, \`INVALID_JSON\`, \`INVALID_MANIFEST\`, \`INVALID_DIGEST\`, \`NOT_AN_IMAGE\`, \`IMAGE_NOT_FOUND\`, \`UNSUPPORTED_COMPRESSION\`, \`DIGEST_MISMATCH\`, \`SIZE_MISMATCH\`, \`TOO_LARGE\` |
| speaking with a registry or the Docker daemon | \`NETWORK\`, \`UNAUTHORIZED\`, \`CREDENTIALS\`, \`REGISTRY_PROTOCOL\`, \`DAEMON\` |
| reading a spec and its graph | \`NOT_FOUND\`, \`UNREADABLE\`, \`INVALID_JSON\`, \`INVALID_SPEC\`, \`INVALID_GRAPH\`, \`DANGLING_REFERENCE\`, \`INVALID_PIPELINE\`, \`INVALID_LAYOUT\`, \`NO_LAYERS_LEFT\` |
| making layers | \`UNSUPPORTED_FILE\`, \`CHANGED_WHILE_READING\`, \`SCRIPT_FAILED\`, \`SCRIPT_TIMEOUT\`, \`SANDBOX_UNAVAILABLE\` |
| writing | \`UNWRITABLE\`, \`OUTPUT_CLOSED\` |
| anything whose \`signal\` is aborted | \`ABORTED\` |

With Node.js 22, which has no \`await using\`, what is to be disposed of is disposed of by hand: \`await machine[Symbol.asyncDispose]()\`.

A function runs on this machine as it is: its clock, environment, digest cache and credentials. A \`machine\` of its own, made by
\`thisMachine\`, says otherwise: \`{ machine: thisMachine({ cache: false, timeout: 10 }) }\`.

Chunks of bytes that the library hands out may be kept, except where the type is \`BorrowedChunks\`.`;

const ENTRY_TITLES: Readonly<Record<string, string>> = {
  index: "varve",
  types: "varve/types",
  layering: "varve/layering",
  registry: "varve/registry",
  formats: "varve/formats",
  attest: "varve/attest",
  testing: "varve/testing",
};

/** The page. */
export function apiPage({ model, entries }: PublicApi, notice: string): string {
  const items = new Map(model.entryPoints[0]!.members.map((item) => [item.displayName, item]));
  const parts = ["# The library", notice, INTRODUCTION];
  for (const [entry, { about, names }] of entries) {
    parts.push(`## ${ENTRY_TITLES[entry]}`, about);
    const inOrder = [...names].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
    const [things, types] = [true, false].map((wanted) =>
      inOrder.map((name) => items.get(name)!).filter((item) => isValue(item) === wanted),
    );
    for (const item of [...things!, ...types!]) parts.push(...partsOf(item));
  }
  return `${parts.join("\n\n")}\n`;
}

/** Which of the API's items have no comment, a sentence each. */
export function undocumented({ model }: Pick<PublicApi, "model">): string[] {
  const lacking = (item: ApiItem) => docOf(item) === undefined;
  const items = model.entryPoints[0]!.members;
  return items.filter(lacking).map((item) => `${item.displayName} has no comment`);
}

function isValue(item: ApiItem): boolean {
  return item instanceof ApiFunction || item instanceof ApiClass || item instanceof ApiVariable;
}

function partsOf(item: ApiItem): string[] {
  const isLong = item instanceof ApiInterface || item instanceof ApiClass;
  const signature = isLong ? `${declared(item)} {` : declared(item);
  const members = isLong ? item.members.filter((member) => member.displayName !== "") : [];
  const lines = isLong ? [signature, ...members.flatMap(memberLines), "}"] : [signature];
  return [`### ${item.displayName}`, `\`\`\`text\n${lines.join("\n")}\n\`\`\``, ...description(item)];
}

/** A member of an interface or a class, with its comment in front. */
function memberLines(member: ApiItem): string[] {
  const comment = docOf(member);
  const parts =
    comment === undefined
      ? []
      : [text(comment.summarySection), ...parametersOf(member), ...blocksOf(comment)];
  const shown = parts
    .filter((part) => part !== "" && !NOTHING.test(part))
    .flatMap((part) => part.split("\n"));
  const declaration = declared(member)
    .split("\n")
    .map((line, at) => (at === 0 ? `  ${line}` : line.replace(/^ {2}/, "")));
  return [...shown.map((line) => `  // ${line}`), ...declaration];
}

function declared(item: ApiItem): string {
  if (!(item instanceof ApiDeclaredItem)) return item.displayName;
  const [first = "", ...others] = item.excerpt.text
    .replace(/^export (declare )?/, "")
    .trim()
    .split("\n");
  // An entry may give it another name than its source does.
  const named = first.replace(/^(interface|class|type) \w+/, `$1 ${item.displayName}`);
  return [named, ...others].join("\n");
}

function description(item: ApiItem): string[] {
  const comment = docOf(item);
  if (comment === undefined) return [];
  const { summarySection, remarksBlock } = comment;
  const list = [...parametersOf(item), ...blocksOf(comment)].map((line) => `- ${line}`);
  const parts = [
    text(summarySection),
    remarksBlock === undefined ? "" : text(remarksBlock.content),
    list.join("\n"),
  ];
  return parts.filter((part) => part !== "");
}

function parametersOf(item: ApiItem): string[] {
  const takes =
    item instanceof ApiFunction ||
    item instanceof ApiMethod ||
    item instanceof ApiMethodSignature ||
    item instanceof ApiConstructor ||
    item instanceof ApiCallSignature;
  if (!takes || !ApiParameterListMixin.isBaseClassOf(item)) return [];
  return item.parameters.flatMap(({ name, tsdocParamBlock: block }) =>
    block === undefined ? [] : [`\`${name}\`: ${text(block.content)}`],
  );
}

function blocksOf({ returnsBlock, customBlocks }: DocComment): string[] {
  const returns = returnsBlock === undefined ? [] : [`Returns ${text(returnsBlock.content)}`];
  const throws = customBlocks
    .filter(({ blockTag }) => blockTag.tagName === "@throws")
    .map(({ content }) => `Throws ${text(content)}`);
  return [...returns, ...throws];
}

/** What the generator says of a constructor by itself. */
const NOTHING = /^Constructs a new instance of the/;

function docOf(item: ApiItem): DocComment | undefined {
  return item instanceof ApiDocumentedItem ? item.tsdocComment : undefined;
}

/** A comment's text: its paragraphs each on a line. */
function text(section: DocSection): string {
  return section.nodes
    .map((node) => textOf(node).replaceAll(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "")
    .join("\n\n");
}

function textOf(node: DocNode): string {
  switch (node.kind) {
    case DocNodeKind.SoftBreak:
      return " ";
    case DocNodeKind.CodeSpan:
      return `\`${(node as DocNode & { code: string }).code}\``;
    case DocNodeKind.PlainText:
      return (node as DocNode & { text: string }).text;
    case DocNodeKind.EscapedText:
      return (node as DocNode & { decodedText: string }).decodedText;
    case DocNodeKind.LinkTag: {
      const { linkText, codeDestination } = node as DocNode & {
        linkText: string | undefined;
        codeDestination:
          | { memberReferences: readonly { memberIdentifier?: { identifier: string } }[] }
          | undefined;
      };
      const names = codeDestination?.memberReferences.map(
        ({ memberIdentifier }) => memberIdentifier?.identifier,
      );
      return `\`${linkText ?? names?.join(".") ?? ""}\``;
    }
    default:
      return node.getChildNodes().map(textOf).join("");
  }
}
