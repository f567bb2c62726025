import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keepsSecrets, secretsIn } from "../../../src/images/inspect/facts/secrets.ts";

const kinds = (text: string, name = "app/config.txt") => secretsIn(text, name).map(([what]) => what);
/** Put together here, so that nobody takes this file for one that has some. */
const of = (...parts: string[]) => parts.join("");
const RANDOM = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0fD3gJ6kL9nP2rS5uV8x";

describe("secrets by their shapes", () => {
  const found: Readonly<Record<string, string>> = {
    [of("glp", "at-", RANDOM.slice(0, 20))]: "a token of GitLab",
    [of("gh", "o_", RANDOM.slice(0, 36))]: "a token of GitHub",
    [of("xo", "xb-", "123456789012-", RANDOM.slice(0, 24))]: "a token of Slack",
    [of("sk_", "live_", RANDOM.slice(0, 24))]: "a key of Stripe",
    [of("aws_secret_", "access_key = ", RANDOM.slice(0, 40))]: "a secret key of AWS",
    [of("dckr", "_pat_", RANDOM.slice(0, 27))]: "a token of Docker",
    [of("-----BEGIN RSA PRIVATE", " KEY-----\r\n", RANDOM)]: "a private key",
    [of("-----BEGIN OPENSSH PRIVATE", " KEY-----\\n", RANDOM)]: "a private key",
  };
  for (const [text, kind] of Object.entries(found)) {
    it(`are found: ${kind}`, () => assert.deepEqual(kinds(`let a = "${text}";`), [kind]));
  }

  it("are no placeholders, no examples, and no words about them", () => {
    for (const text of [
      of("gh", "p_", "x".repeat(36)),
      of("np", "m_", "0".repeat(36)),
      of("aws_secret_access", "_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
      of("if (text.startsWith('-----BEGIN PRIVATE", " KEY-----')) {}\n"),
      of("-----BEGIN ENCRYPTED PRIVATE", " KEY-----\n", RANDOM),
      of("-----BEGIN CERTIFICATE-----\n", RANDOM),
      RANDOM.repeat(10),
    ]) {
      assert.deepEqual(kinds(text), [], text);
    }
  });

  it("are in npm's settings only where a token stands, and not a variable's name", () => {
    const npmrc = (text: string) => kinds(text, "root/.npmrc");
    assert.deepEqual(npmrc("//host/:_authToken=0123456789abcdef"), ["a registry's token"]);
    assert.deepEqual(npmrc("_auth = dXNlcjpwYXNzd29yZA=="), ["a registry's token"]);
    const variable = of("$", "{NPM_TOKEN}");
    const settings = `//host/:_authToken=${variable}\n; _authToken=0123456789\nregistry=https://host/`;
    assert.deepEqual(npmrc(settings), []);
    assert.deepEqual(kinds("//host/:_authToken=0123456789abcdef"), []);
    assert.deepEqual(kinds("https://me:0123456789@host\n", "root/.git-credentials"), ["a password"]);
  });

  it("are kept by files of certain names, whoever's they are", () => {
    for (const name of [
      "a/.npmrc",
      ".env",
      "a/.env.production",
      "root/.ssh/id_ed25519",
      "a/tls/x.pem",
      "a/.docker/config.json",
    ]) {
      assert.ok(keepsSecrets(name), name);
    }
    for (const name of ["a/npmrc", "environment", "a/id_rsa.pub", "a/pem", "a/config.json"])
      assert.ok(!keepsSecrets(name), name);
  });
});
