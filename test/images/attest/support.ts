/** Judges documents by the official schemas. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { Ajv } from "ajv";
import formats from "ajv-formats";

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

let spdxSchema: ReturnType<Ajv["compile"]> | undefined;

/** Fails unless a document is one of CycloneDX 1.6. */
export async function assertCyclonedx(document: Uint8Array): Promise<void> {
  const text = Buffer.from(document).toString();
  const fault = await validator.validate(text);
  assert.equal(fault, null, `not valid: ${JSON.stringify(fault)}`);
  const { components, dependencies } = JSON.parse(text) as {
    components: { "bom-ref": string }[];
    dependencies: { ref: string; dependsOn?: string[] }[];
  };
  const refs = components.map((component) => component["bom-ref"]);
  assert.equal(new Set(refs).size, refs.length, "references are unique");
  assert.deepEqual(
    dependencies.slice(1).map(({ ref }) => ref),
    refs,
  );
  for (const { dependsOn = [] } of dependencies)
    for (const ref of dependsOn) assert.ok(refs.includes(ref), ref);
}

/** Fails unless a document is one of SPDX 2.3. */
export function assertSpdx(document: Uint8Array): void {
  if (spdxSchema === undefined) {
    const file = new URL("./schema/spdx-schema-2.3.json", import.meta.url);
    const ajv = new Ajv({ strict: false });
    (formats as unknown as (ajv: Ajv) => void)(ajv);
    spdxSchema = ajv.compile(JSON.parse(readFileSync(file, "utf8")));
  }
  const value = JSON.parse(Buffer.from(document).toString());
  assert.ok(spdxSchema(value), JSON.stringify(spdxSchema.errors));
  const ids = [value.SPDXID, ...value.packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID)];
  assert.equal(new Set(ids).size, ids.length, "ids are unique");
  for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
  for (const { spdxElementId, relatedSpdxElement } of value.relationships) {
    assert.ok(ids.includes(spdxElementId) && ids.includes(relatedSpdxElement));
  }
}
