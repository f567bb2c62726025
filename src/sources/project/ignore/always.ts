/** What is in no image unless it is included by name. */

/** Why something stays out, as it is said of several. */
export type LeftOutReason =
  | "secrets"
  | "version control"
  | "local settings"
  | "caches"
  | "coverage"
  | "editors' files"
  | "varve's files"
  | "images"
  | "Docker's files"
  | "package managers' files"
  | "links that lead nowhere"
  | "traces of other packages"
  | "special files"
  | ".dockerignore"
  | "ignore";

interface Rule {
  readonly reason: LeftOutReason;
  /** Matches the name, or where it has a slash, the path from the project's folder. */
  readonly name: RegExp;
  /** Where the name alone doesn't tell: what its content must have. */
  readonly content?: RegExp;
  /** Where the name alone doesn't tell of a folder: what must be in it. */
  readonly holds?: readonly string[];
  /** Whether it counts beside a package.json only. */
  readonly besideManifest?: true;
}

const RULES: readonly Rule[] = [
  { reason: "secrets", name: /^\.env/ },
  { reason: "secrets", name: /^\.(?:npmrc|netrc|pypirc|git-credentials|ssh|gnupg|aws|sentryclirc)$/ },
  { reason: "secrets", name: /^\.dev\.vars/ },
  {
    reason: "secrets",
    name: /^(?:\.yarnrc|bunfig\.toml)$/,
    content: /auth(?:Token)?["']?\s*[:= ]|token\s*=/i,
  },
  { reason: "secrets", name: /^\.yarnrc\.yml$/, content: /npmAuth(?:Token|Ident)["']?\s*:\s*\S/ },
  { reason: "secrets", name: /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/ },
  { reason: "secrets", name: /\.(?:p12|pfx|jks|keystore)$/i },
  { reason: "secrets", name: /\.(?:pem|key|p8)$/i, content: /PRIVATE KEY/ },
  // Keys of service accounts, as Google's console names them or people do.
  {
    reason: "secrets",
    name: /(?:account|adminsdk|credential|key|secret|-[0-9a-f]{12}).*\.json$/i,
    content: /"private_key"\s*:\s*"-----BEGIN/,
  },
  { reason: "version control", name: /^\.(?:git|hg|svn)$/ },
  { reason: "local settings", name: /\.local$/ },
  { reason: "caches", name: /^\.(?:cache|vite|turbo|parcel-cache|eslintcache|stylelintcache)$/ },
  // What tools know of the last build or make for the next one, or for editors; what they put out is elsewhere.
  { reason: "caches", name: /^\.(?:nx|angular|svelte-kit|react-router|tanstack|astro|swc|rollup\.cache)$/ },
  { reason: "caches", name: /(?:^|\/)\.next\/cache$/ },
  { reason: "caches", name: /\.tsbuildinfo$/ },
  { reason: "coverage", name: /^\.nyc_output$/ },
  { reason: "coverage", name: /^coverage$/, besideManifest: true },
  { reason: "editors' files", name: /^\.(?:idea|vscode|zed|fleet|DS_Store)$|^Thumbs\.db$|\.sw[op]$/ },
  { reason: "varve's files", name: /^varve\.json$/, besideManifest: true },
  // What a build before has put there. The first entry of an archive of Docker's form, or of an OCI layout's, says what it is.
  {
    reason: "images",
    name: /\.tar$/,
    content:
      /^(?:blobs\/|oci-layout\0|index\.json\0|manifest\.json\0|repositories\0|[0-9a-f]{64}(?:\/|\.json\0|\.tar\0))[\s\S]{0,256}ustar/,
  },
  { reason: "images", name: /./, holds: ["oci-layout", "index.json", "blobs"] },
  {
    reason: "Docker's files",
    name: /^(?:Dockerfile(?:\..+)?|.+\.Dockerfile|\.dockerignore|(?:docker-)?compose(?:\..+)?\.ya?ml)$/,
    besideManifest: true,
  },
  {
    reason: "package managers' files",
    name: /^(?:npm-debug|yarn-error|yarn-debug|\.?pnpm-debug|lerna-debug)\.log/,
  },
  {
    // Nobody reads them in an image, and they would be sent again with each changed line.
    reason: "package managers' files",
    name: /^(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/,
    besideManifest: true,
  },
  { reason: "package managers' files", name: /(?:^|\/)\.yarn\/install-state\.gz$|^\.pnpm-store$/ },
];

const MODULES_STATE =
  /^(?:\.modules\.yaml|\.pnpm-workspace-state.*|\.pnpm_patches|\.ignored|\.package-lock\.json|\.yarn-integrity|\.yarn-state\.yml)$/;
const MODULES_CACHES = /^\.(?:cache|vite|vite-temp|turbo)$/;

/** Why a name right in `node_modules` is in no image: package managers and others keep it there for themselves. */
export function modulesOut(name: string): LeftOutReason | undefined {
  if (MODULES_STATE.test(name)) return "package managers' files";
  return MODULES_CACHES.test(name) ? "caches" : undefined;
}

/** A file or folder of the project. */
export interface OwnPath {
  /** From the project's folder. */
  readonly path: string;
  readonly isFile: boolean;
  /** Whether it is a folder with something of this name in it. */
  readonly has: (name: string) => boolean;
  /** Whether there is a package.json beside it. */
  readonly besideManifest: boolean;
  /** What it begins with, if it is a file. */
  readonly read: () => string;
}

/** Why a path is in no image, by itself; undefined for what may be. */
export function alwaysOut({ path, isFile, has, besideManifest, read }: OwnPath): LeftOutReason | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const rule = RULES.find(
    (rule) =>
      rule.name.test(rule.name.source.includes("\\/") ? path : name) &&
      (rule.besideManifest !== true || besideManifest) &&
      (rule.content === undefined || (isFile && rule.content.test(read()))) &&
      (rule.holds ?? []).every(has),
  );
  return rule?.reason;
}
