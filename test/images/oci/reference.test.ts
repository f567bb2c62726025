import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import { formatReference, parseReference, type Reference } from "#oci";

const hex = "0123456789abcdef".repeat(4);
const canonical = (text: string) => formatReference(parseReference(text));

test("Docker's defaults are filled in", () => {
  const table: Record<string, string> = {
    busybox: "docker.io/library/busybox:latest",
    "busybox:1.36": "docker.io/library/busybox:1.36",
    "docker.io/busybox": "docker.io/library/busybox:latest",
    "index.docker.io/a/b": "docker.io/a/b:latest",
    "user/app": "docker.io/user/app:latest",
    "a/b/c:x": "docker.io/a/b/c:x",
    "localhost/app": "localhost/app:latest",
    "localhost:5000": "docker.io/library/localhost:5000",
    "localhost:5000/app": "localhost:5000/app:latest",
    "ghcr.io/o/p:v1": "ghcr.io/o/p:v1",
    "reg:5000/a": "reg:5000/a:latest",
    "Reg/a": "Reg/a:latest",
    "127.0.0.1:80/a": "127.0.0.1:80/a:latest",
    "[::1]:5000/a/b:t": "[::1]:5000/a/b:t",
    "[2001:db8::1]/a": "[2001:db8::1]/a:latest",
    "a--b/c__d.e_f": "docker.io/a--b/c__d.e_f:latest",
    [`app@sha256:${hex}`]: `docker.io/library/app@sha256:${hex}`,
    [`r.io/app:t@sha256:${hex}`]: `r.io/app:t@sha256:${hex}`,
  };
  for (const [text, expected] of Object.entries(table)) assert.equal(canonical(text), expected, text);
});

test("what is not a reference is refused with its reason", () => {
  const table: Record<string, RegExp> = {
    "": /empty/,
    "App/x/Y": /lower case/,
    Busybox: /lower case/,
    "a//b": /single separators/,
    "a/../b": /single separators/,
    "/a": /single separators/,
    "a/": /single separators/,
    "a..b": /single separators/,
    a___b: /single separators/,
    "-a": /single separators/,
    "a:": /tag/,
    "a:.x": /tag/,
    "a:b:c": /tag/,
    "a:b/c": /tag|host/,
    "a b": /single separators/,
    "a\nb": /single separators/,
    "a@": /digest/,
    "a@sha256:../../x": /digest/,
    [`a@sha256:${hex.toUpperCase()}`]: /digest/,
    [`a@sha256:${hex}@sha256:${hex}`]: /digest/,
    [`a@sha512:${hex}`]: /digest/,
    [`a@sha256:${hex}${hex}`]: /digest/,
    [`a@sha384:${hex}${hex.slice(32)}`]: /digest/,
    [hex]: /image ID/,
    "r.io:99999/a": /host/,
    "r.io:/a": /host/,
    "-r.io/a": /host/,
    "localhost.0/a": /host/,
    "300.1.1.1/a": /host/,
    "r..io/a": /host/,
    "user@r.io/a": /digest/,
    "[::zz]/a": /host/,
    "[1:2]/a": /host/,
    "https://r.io/a": /host/,
    [`a:${"t".repeat(129)}`]: /tag/,
    [`r.io/${"a".repeat(256)}`]: /longer than 255/,
    [`${"a".repeat(250)}`]: /longer than 255/,
    [`${"a.".repeat(150)}io/a`]: /host/,
    ["a".repeat(5000)]: /longer/,
  };
  for (const [text, reason] of Object.entries(table)) {
    assert.throws(
      () => parseReference(text),
      (error) =>
        error instanceof VarveError && error.code === "INVALID_REFERENCE" && reason.test(error.message),
      text,
    );
  }
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
const host = fc.oneof(
  fc.constantFrom("docker.io", "localhost", "[::1]", "[2001:db8::a]:443"),
  fc
    .stringMatching(/^[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){1,3}(:[1-9][0-9]{0,3})?$/)
    // A name whose last label is a number can only be an address, and few are.
    .filter((text) => URL.canParse(`http://${text}/`)),
);
const reference: fc.Arbitrary<Reference> = fc
  .record({
    registry: host,
    parts: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
    digest: fc.option(fc.constant(`sha256:${hex}`), { nil: undefined }),
  })
  .map(({ registry, parts, tag, digest }) =>
    parseReference(`${registry}/${parts.join("/")}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`),
  );

test("a reference written in either style is read back equal", () => {
  fc.assert(
    fc.property(reference, (made) => {
      assert.deepEqual(parseReference(formatReference(made)), made);
      assert.deepEqual(parseReference(formatReference(made, "familiar")), made);
    }),
  );
});

test("the familiar style leaves out what Docker's defaults put back", () => {
  const familiar = (text: string) => formatReference(parseReference(text), "familiar");
  assert.equal(familiar("docker.io/library/busybox:1"), "busybox:1");
  assert.equal(familiar("docker.io/a/b:1"), "a/b:1");
  assert.equal(familiar("docker.io/library/a/b:1"), "library/a/b:1");
  assert.equal(familiar("docker.io/a.b/c:1"), "docker.io/a.b/c:1");
  assert.equal(familiar("ghcr.io/library/a:1"), "ghcr.io/library/a:1");
});

test("any text is read as a reference that is safe in a URL, or refused with a code", () => {
  const pieces = fc.constantFrom(
    "a",
    "B",
    "9",
    ".",
    "-",
    "_",
    "/",
    ":",
    "@",
    "[",
    "]",
    "%",
    "?",
    "#",
    "\\",
    " ",
    "localhost",
    `sha256:${hex}`,
  );
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.array(pieces).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, (input) => {
      let made: Reference;
      try {
        made = parseReference(input);
      } catch (error) {
        assert.ok(error instanceof VarveError && error.code === "INVALID_REFERENCE", String(error));
        assert.ok(!/[\n\r\u0000]/.test(error.message));
        return;
      }
      const path = `/v2/${made.repository}/manifests/${made.digest ?? made.tag}`;
      const url = new URL(`https://${made.registry}${path}`);
      assert.equal(url.pathname, path);
      assert.deepEqual([url.username, url.search, url.hash], ["", "", ""]);
    }),
    { numRuns: 3000 },
  );
});

test("a long hostile text is refused without backtracking", () => {
  for (const piece of ["a", "a-", "a.", "a_", "/a", "[:", "a.a-"]) {
    for (const tail of ["!", "A", "/"])
      assert.throws(() => parseReference(piece.repeat(120) + tail), VarveError);
    assert.throws(() => parseReference(piece.repeat(1_000_000)), VarveError);
  }
});
