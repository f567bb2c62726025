/** Secrets by their shapes. */
import type { Found } from "./facts.ts";

/** Shapes by the names that people know; each has a part that is random. */
const SHAPES: Readonly<Record<string, string>> = {
  "a private key":
    "-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP )?PRIVATE KEY(?: BLOCK)?-----(?:\\\\r)?(?:\\\\n|\\r?\\n)(?:[A-Za-z-]+: [^\\n]*\\r?\\n|\\r?\\n)*[A-Za-z0-9+/=]{40,}",
  "a token of GitHub": "\\bgh[pousr]_[A-Za-z0-9]{36,}|\\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
  "a token of GitLab": "\\bglpat-[A-Za-z0-9_-]{20,}",
  "a token of npm": "\\bnpm_[A-Za-z0-9]{36}\\b",
  "a token of Slack": "\\bxox[abeprs]-[0-9]{8,}-[0-9A-Za-z-]{20,}",
  "a key of Stripe": "\\b[sr]k_live_[0-9A-Za-z]{24,}",
  "a secret key of AWS":
    "\\b(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY)[\"']?\\s*[=:]\\s*[\"']?[A-Za-z0-9/+]{40}\\b",
  "a key of Anthropic": "\\bsk-ant-[a-z0-9]{5,}-[A-Za-z0-9_-]{60,}",
  "a key of OpenAI": "\\bsk-(?:proj|svcacct)-[A-Za-z0-9_-]{60,}",
  "a client secret of Google": "\\bGOCSPX-[A-Za-z0-9_-]{28}",
  "a token of PyPI": "\\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
  "a token of Docker": "\\bdckr_pat_[A-Za-z0-9_-]{27}",
  "a token of Hugging Face": "\\bhf_[A-Za-z]{34}\\b",
};

const NAMES = Object.keys(SHAPES);
const ANY = new RegExp(NAMES.map((name) => `(${SHAPES[name]})`).join("|"), "g");

/** A registry's token in npm's own settings; a variable's name isn't one. */
const NPMRC = /^[^\n#;=]*:?_(?:authToken|auth|password)\s*=\s*["']?(?!\$\{)[^\s"']{8,}/gim;
/** A password in an address, as git keeps it. */
const WITH_PASSWORD = /\bhttps?:\/\/[^\s:@/]+:[^\s@/]{8,}@/gi;

/** Kinds of files in which secrets are kept, whoever's they are. */
const KEEPERS =
  /(?:^|\/)(?:\.npmrc|\.yarnrc\.yml|\.netrc|\.pypirc|\.git-credentials|\.dockercfg|\.docker\/config\.json|\.aws\/credentials|\.env(?:\.[^/]*)?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p8))$/;

/** Whether a file's name says that it may keep a secret. */
export function keepsSecrets(name: string): boolean {
  return KEEPERS.test(name);
}

/** More aren't told of one file. */
const MOST = 20;

/** The kinds of secrets in a text, and where they are. */
export function secretsIn(text: string, name: string): Found[] {
  const found: Found[] = [];
  const add = (what: string, at: number) => {
    if (found.length < MOST) found.push([what, lineAt(text, at)]);
  };
  for (const match of text.matchAll(ANY)) {
    const kind = match.findIndex((part, index) => index > 0 && part !== undefined) - 1;
    if (isRandom(match[0])) add(NAMES[kind]!, match.index);
  }
  const more = /(?:^|\/)\.npmrc$/.test(name)
    ? { shape: NPMRC, what: "a registry's token" }
    : /(?:^|\/)\.git-credentials$/.test(name)
      ? { shape: WITH_PASSWORD, what: "a password" }
      : undefined;
  for (const match of more === undefined ? [] : text.matchAll(more.shape)) {
    const line = lineAt(text, match.index);
    // A token of npm's own form was found already.
    if (!found.some(([, at]) => at === line)) add(more!.what, match.index);
  }
  return found;
}

/** Placeholders are one letter again and again, or say that they are an example. */
function isRandom(secret: string): boolean {
  return new Set(secret.slice(-24)).size >= 8 && !/example/i.test(secret);
}

/** The line of a place in a text, counted from 1. */
export function lineAt(text: string, at: number): number {
  let line = 1;
  for (let end = text.indexOf("\n"); end !== -1 && end < at; end = text.indexOf("\n", end + 1)) line++;
  return line;
}
