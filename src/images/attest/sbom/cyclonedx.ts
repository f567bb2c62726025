/** SBOMs in CycloneDX 1.6, as JSON. */
import { shownJson } from "#util";
import { licenceOf } from "./licence.ts";
import type { Bom, BomComponent } from "./model.ts";
import { namedUuid } from "./uuid.ts";

/** CycloneDX' media type, which RFC 6838 has under this name. */
export const CYCLONEDX_TYPE = "application/vnd.cyclonedx+json";

/** The URN from whose name documents' serial numbers follow. */
const SERIAL = "urn:varve:image:";

/**
 * Writes an SBOM. There is no time and no random number in it, so the same image gives the same bytes.
 */
export function cyclonedx({ subject, tool, components, top }: Bom): Buffer {
  const ref = `pkg:oci/image@${encodeURIComponent(subject.digest)}`;
  const { name, digest, config, platform } = subject;
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${namedUuid(SERIAL + digest)}`,
    version: 1,
    metadata: {
      tools: { components: [{ type: "application", name: "varve", version: tool.version }] },
      component: {
        "bom-ref": ref,
        type: "container",
        name,
        version: digest,
        properties: properties({ "image-id": config, platform }),
      },
    },
    components: components.map(componentOf),
    dependencies: [
      { ref, dependsOn: top },
      ...components.map(({ ref, dependsOn }) => ({ ref, ...(dependsOn.length > 0 && { dependsOn }) })),
    ],
  };
  return Buffer.from(`${shownJson(document, 2)}\n`);
}

function componentOf(component: BomComponent): object {
  const { ref, type, version, purl, hashes, licence, supplier, author, layer, place, facts } = component;
  const [group, name] = scopeOf(component);
  return {
    "bom-ref": ref,
    type,
    ...(supplier !== undefined && { supplier: contactOf(supplier) }),
    ...(author !== undefined && { authors: [personOf(author)] }),
    ...(group !== undefined && { group }),
    name,
    ...(version !== "" && { version }),
    ...(hashes.length > 0 && {
      hashes: hashes.map(({ algorithm, hex }) => ({ alg: algorithm, content: hex })),
    }),
    ...(licence !== undefined && { licenses: [licenceIn(licence)] }),
    ...(purl !== undefined && { purl }),
    ...propertiesIn({ layer, path: place, ...facts }),
  };
}

/** Only of Node's packages is the scope a part of the name. */
function scopeOf({ name, purl }: BomComponent): [group: string | undefined, name: string] {
  const [, scope, rest] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  return purl?.startsWith("pkg:npm/") && scope !== undefined ? [scope, rest!] : [undefined, name];
}

function licenceIn(said: string): object {
  const licence = licenceOf(said);
  return "expression" in licence ? { expression: licence.expression } : { license: licence };
}

/** RFC 5321's addresses that people have; others aren't valid to everybody. */
const ADDRESS =
  /^(?=.{1,200}$)[\w!#$%&'*+/=?^`{|}~-]{1,64}(?:\.[\w!#$%&'*+/=?^`{|}~-]{1,64}){0,9}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,20}$/;

/** A name, and the address behind it if there is one. */
export function personOf(text: string): { name: string; email?: string } {
  const [, name, email = ""] = /^([^<(]*?)\s*<([^<>]*)>/.exec(text) ?? [];
  const plain = text.replace(/\s*\(.*$/, "");
  return { name: name || plain || text, ...(ADDRESS.test(email) && { email }) };
}

function contactOf(text: string): object {
  const person = personOf(text);
  return { name: person.name, ...(person.email !== undefined && { contact: [person] }) };
}

function propertiesIn(values: Readonly<Record<string, string | undefined>>) {
  const list = properties(values);
  return list.length > 0 && { properties: list };
}

function properties(values: Readonly<Record<string, string | undefined>>): { name: string; value: string }[] {
  return Object.entries(values)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => ({ name: `varve:${name}`, value }));
}
