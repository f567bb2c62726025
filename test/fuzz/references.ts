/** Names: of images, platforms, digests, and the challenges of registries. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatPlatform,
  formatReference,
  isRegistryHost,
  isRepository,
  parseDigest,
  parsePlatform,
  parseReference,
} from "#oci";
import { parseChallenges } from "../../src/places/registry/auth/challenge.ts";
import { oddText } from "./random-json.ts";
import { outcomeOf, type Target } from "./target.ts";

const pieces = fc.constantFrom(
  ...[
    "localhost",
    "docker.io",
    "index.docker.io",
    "[::1]",
    "[::",
    "a.b",
    "A",
    "library",
    "a",
    "x_y",
    "x__y",
    "x---y",
  ],
  ...[
    "/",
    "/",
    ":",
    ":",
    "@",
    ".",
    "-",
    "_",
    "5000",
    "65536",
    "0",
    "latest",
    "sha256:",
    "0".repeat(64),
    "f".repeat(64),
  ],
  ...["linux", "amd64", "arm", "v7", "%2f", "?", "#", "\n", " ", "é", "\0", "..", "\\"],
);

const reference = fc.oneof(
  { weight: 5, arbitrary: fc.array(pieces, { maxLength: 9 }).map((parts) => parts.join("")) },
  oddText,
);

const challengePieces = fc.constantFrom(
  ...[
    "Bearer ",
    "Basic ",
    "realm=",
    '"',
    "https://a/t",
    "service=",
    "scope=",
    ",",
    " ",
    "\\",
    "=",
    "a",
    "x:y:pull",
  ],
);

async function check(text: string, challenges: readonly string[]): Promise<void> {
  const parsed = await outcomeOf(() => parseReference(text));
  if ("value" in parsed) {
    const { value } = parsed;
    for (const style of ["canonical", "familiar"] as const) {
      assert.deepEqual(parseReference(formatReference(value, style)), value, `${style} and back`);
    }
    assert.ok(isRegistryHost(value.registry) && isRepository(value.repository));
    const url = new URL(
      `/v2/${value.repository}/manifests/${value.digest ?? value.tag}`,
      `http://${value.registry}`,
    );
    assert.equal(url.pathname, `/v2/${value.repository}/manifests/${value.digest ?? value.tag}`);
    assert.equal(url.search + url.hash + url.username + url.password, "");
  } else {
    assert.equal(parsed.refused.code, "INVALID_REFERENCE");
  }
  if (isRegistryHost(text)) {
    const url = new URL(`https://${text}/`);
    assert.equal(url.pathname + url.search + url.hash + url.username, "/");
  }
  const platform = await outcomeOf(() => parsePlatform(text));
  if ("value" in platform) assert.deepEqual(parsePlatform(formatPlatform(platform.value)), platform.value);
  const digest = await outcomeOf(() => parseDigest(text, "it"));
  if ("value" in digest) assert.match(digest.value, /^[a-z0-9]+:[0-9a-f]+$/);
  for (const { scheme, params } of parseChallenges([...challenges, text])) {
    assert.match(scheme, /^[^A-Z\s]+$/);
    for (const name of params.keys()) assert.match(name, /^[^A-Z\s]+$/);
  }
}

export const references: Target = {
  name: "references",
  runs: 2000,
  property: () =>
    fc.asyncProperty(
      reference,
      fc.array(
        fc.array(challengePieces, { maxLength: 12 }).map((parts) => parts.join("")),
        { maxLength: 2 },
      ),
      check,
    ),
};
