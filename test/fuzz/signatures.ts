/** Signatures that were changed after they were made, in any part: nothing counts as signed that wasn't. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  type Candidate,
  candidateOfBundle,
  candidateOfLayer,
  parseTrustedRoot,
  readPublicKey,
  SIGNATURE_PREDICATE,
  SIMPLE_SIGNING_TYPE,
  type VerificationPolicy,
  verifyCandidate,
} from "#attest";
import { digestOf } from "#oci";
import { nearly } from "./random-json.ts";
import { outcomeOf, type Target } from "./target.ts";

const DIGEST = digestOf(Buffer.from("image"));

/**
 * Signatures of that image: bundles with a key and without one, the latter with its log entry, and what cosign made before, with the
 * annotations of its layer. Certificates are judged by the time in the log, so none of it grows old.
 */
const SIGNED = JSON.parse(readFileSync(new URL("signed.json", import.meta.url), "utf8")) as {
  publicKey: string;
  identity: { subject: string; issuer: string };
  trustedRoot: object;
  withKey: object;
  withoutKey: object;
  older: { payload: string; annotations: Record<string, string> };
};

const key = readPublicKey(Buffer.from(SIGNED.publicKey), "key");

async function policies(): Promise<Record<Kind, VerificationPolicy>> {
  const trustedRoot = await parseTrustedRoot(Buffer.from(JSON.stringify(SIGNED.trustedRoot)), "root");
  const { subject, issuer } = SIGNED.identity;
  return { withKey: { key }, withoutKey: { identity: subject, issuer, trustedRoot } };
}

type Kind = "withKey" | "withoutKey";

/** Only whoever has signed it counts, and whatever counts says of that image that it is signed, since nothing else ever was. */
async function check(candidate: Candidate, kind: Kind): Promise<void> {
  for (const [name, policy] of Object.entries(await policies())) {
    const outcome = await outcomeOf(() => verifyCandidate(candidate, { digest: DIGEST, policy }));
    if ("value" in outcome) {
      const { predicateType, predicate, annotations } = outcome.value;
      assert.deepEqual([name, predicateType, predicate, annotations], [kind, SIGNATURE_PREDICATE, {}, {}]);
    }
    const other = { digest: digestOf(Buffer.from("other")), policy };
    assert.ok("refused" in (await outcomeOf(() => verifyCandidate(candidate, other))));
  }
}

async function checkBundle(kind: Kind, bytes: Uint8Array): Promise<void> {
  const read = await outcomeOf(() => candidateOfBundle(bytes, "the bundle"));
  if ("value" in read) await check(read.value, kind);
}

async function checkOlder(payload: Uint8Array, annotations: Record<string, string>): Promise<void> {
  const descriptor = { mediaType: SIMPLE_SIGNING_TYPE, digest: digestOf(payload), size: payload.length };
  const read = await outcomeOf(() =>
    candidateOfLayer({ descriptor: { ...descriptor, annotations }, bytes: payload }, "the signature"),
  );
  if ("value" in read && read.value !== undefined) await check(read.value, "withKey");
}

const bundle = fc.oneof(
  ...(["withKey", "withoutKey"] as const).map((kind) =>
    fc.record({ kind: fc.constant(kind), bytes: nearly([SIGNED[kind]]) }),
  ),
);

const CERTIFICATE = "dev.sigstore.cosign/certificate";
const LOG_ENTRY = "dev.sigstore.cosign/bundle";
const entry = {
  SignedEntryTimestamp: "AAAA",
  Payload: { body: "e30=", integratedTime: 1, logIndex: 1, logID: "0".repeat(64) },
};
const older = fc.record({
  payload: nearly([SIGNED.older.payload]),
  annotations: fc.record(
    {
      [CERTIFICATE]: nearly(["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]).map(String),
      [LOG_ENTRY]: nearly([entry]).map(String),
    },
    { requiredKeys: [] },
  ),
});

export const signatures: Target = {
  name: "signatures",
  runs: 300,
  property: () =>
    fc.asyncProperty(
      fc.oneof({ weight: 3, arbitrary: bundle }, { weight: 1, arbitrary: older }),
      async (given) => {
        if ("kind" in given) return await checkBundle(given.kind, given.bytes);
        await checkOlder(given.payload, { ...SIGNED.older.annotations, ...given.annotations });
      },
    ),
};
