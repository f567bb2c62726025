// Made by `npm run docs` from the schema in spec.ts.

/**
 * An image spec as people write it: docs/spec.md. Paths in a spec that a program makes are absolute, or relative to the working
 * directory.
 */
export interface ImageSpecInput {
  readonly $schema?: string | undefined;
  /** The image's name, such as hello or ghcr.io/me/hello. */
  readonly name: string;
  /** The image's tag; by default it is derived from the image's digest. */
  readonly tag?: string | undefined;
  /** The base image: a path or a reference, or a place such as docker://ghcr.io/me/base:1 or oci:folder:tag; scratch for none. Or an object with ref, the same, and verify, which says whose signature it must have. */
  readonly fromImage?: string | {
    /** The base image's place. */
    readonly ref: string;
    /** Whose signature the base must have: that of a key, or of whom a certificate names. It is then fetched by the digest that was verified. */
    readonly verify?: {
      /** The public key that must have signed: a file, or env://NAME. */
      readonly key?: string | undefined;
      /** Whether what a key has signed must be in a transparency log, too. */
      readonly requireLog?: boolean | undefined;
      /** Whom a certificate must name, all of it. */
      readonly certificateIdentity?: string | undefined;
      /** The same as a regular expression. */
      readonly certificateIdentityRegexp?: string | undefined;
      /** Who must say so, all of it. */
      readonly certificateOidcIssuer?: string | undefined;
      /** The same as a regular expression. */
      readonly certificateOidcIssuerRegexp?: string | undefined;
      /** Whose certificates and log entries count: a trusted_root.json; by default sigstore's public good instance's, through TUF. */
      readonly trustedRoot?: string | undefined;
      /** Another TUF repository for it. */
      readonly tufUrl?: string | undefined;
      /** The file of that repository's own root. */
      readonly tufRoot?: string | undefined;
      /** An attestation that is demanded instead of a signature, such as slsaprovenance1, or a predicate type's URI. */
      readonly type?: string | undefined;
    } | undefined;
  } | undefined;
  /** The references graph of what is in the image: a file in one of Nix's forms, or the folder of a project that npm, pnpm, yarn or bun has installed. */
  readonly graph?: string | undefined;
  /** Files and folders that are in the image, each with its place, such as what a build has put out: a list of objects with from, a path such as dist, and to, an absolute path in the image such as /app/dist. Packages that are found in them (in node_modules) are components as the graph's are, and the rest is the project's own files. With files and no graph there is nothing else in the image, of a project's folder either; with both, files count before what the graph has at the same place, and earlier files before later ones. What never is in an image stays out of them, and so does what ignore says; .dockerignore has no say here. */
  readonly files?: readonly {
    /** A file or a folder. */
    readonly from: string;
    /** Its absolute path in the image, such as /app. */
    readonly to: string;
  }[] | undefined;
  /** What of such a project is left out: "dev" for what it needs for development only. A project's own spec has that by default, and with [] nothing is left out. By default `[]`. */
  readonly omit?: readonly ("dev")[] | undefined;
  /** Components of the graph that are left out, by their ids. By default `[]`. */
  readonly exclude?: readonly string[] | undefined;
  /** What stays out of a project's own files, in the patterns of .dockerignore, beside those that the project has there. */
  readonly ignore?: readonly string[] | undefined;
  /** What of a project's own files is in the image although it would stay out, in the same patterns; secrets and the like only by name, such as .env.production. */
  readonly include?: readonly string[] | undefined;
  /** Components whose trees are merged into the image's root, as symbolic links; if two have the same name, the first one wins. */
  readonly contents?: string | readonly string[] | undefined;
  /** Folders that are copied into the image's root, with their modes; if two have the same name, the last one wins. */
  readonly copyToRoot?: string | readonly string[] | undefined;
  /** Whether links to directories in copyToRoot stay links, as with rsync -K; otherwise they become directories. By default `false`. */
  readonly keepContentsDirlinks?: boolean | undefined;
  /** Whether the components are in the image; if not, they have to be mounted. By default `true`. */
  readonly includeStorePaths?: boolean | undefined;
  /** Adds /etc/passwd and /etc/group with root and nobody, /etc/nsswitch.conf and /var/empty. By default `false`. */
  readonly fakeNss?: boolean | undefined;
  /** Makes /bin/sh a link: to a path in the image, or, if true, to the shell of a component. By default `false`. */
  readonly binSh?: boolean | string | undefined;
  /** Makes /usr/bin/env a link: to a path in the image, or, if true, to a component's bin/env. By default `false`. */
  readonly usrBinEnv?: boolean | string | undefined;
  /** Puts certificates where programs look for them: from a file, or, if true, those of a component. By default `false`. */
  readonly caCertificates?: boolean | string | undefined;
  /** Adds /tmp, which everybody may write to. By default `false`. */
  readonly tmp?: boolean | undefined;
  /** Modes, owners, times and capabilities of single paths; if several rules match a path, the last one wins for each of these. By default `[]`. */
  readonly permissions?: readonly {
    /** Which paths in the image, as a glob: * matches no slash, ** any folders below, files with a dot, too. */
    readonly path: string;
    /** Permission bits in octal digits, such as 0755 or 4755. */
    readonly mode?: string | undefined;
    /** The owner. */
    readonly uid?: number | undefined;
    /** The group. */
    readonly gid?: number | undefined;
    /** An ISO 8601 date, such as 1970-01-01T00:00:01Z, or "now", which makes every build another image. */
    readonly mtime?: string | undefined;
    /** File capabilities as setcap takes them, such as cap_net_raw+ep. */
    readonly capabilities?: string | undefined;
  }[] | undefined;
  /** Whether files go to where the base's links lead, such as from /bin to /usr/bin; otherwise a directory replaces the link. By default `true`. */
  readonly followBase?: boolean | undefined;
  /** A script that runs as root inside the image, on top of the base's layers; what it changes becomes the layer. It runs before the others. */
  readonly runAsRoot?: string | {
    readonly file: string;
  } | undefined;
  /** A script that runs in the last layer's root folder before that is packed. */
  readonly extraCommands?: string | {
    readonly file: string;
  } | undefined;
  /** A script like extraCommands, which runs after it and as root: the image gets the owners and modes that it sets. */
  readonly fakeRootCommands?: string | {
    readonly file: string;
  } | undefined;
  /** Whether the last layer's root folder is / in fakeRootCommands. By default `false`. */
  readonly enableFakechroot?: boolean | undefined;
  /** Whether scripts may use the network. By default `false`. */
  readonly network?: boolean | undefined;
  /** How many seconds each script may take; by default there is no limit. */
  readonly scriptTimeout?: number | undefined;
  /** Adds the database from which Nix in the image knows its store paths. By default `false`. */
  readonly includeNixDB?: boolean | undefined;
  /** Whether components are divided into layers; otherwise everything that the base image doesn't have is in one layer, as with dockerTools' buildImage. By default `true`. */
  readonly layered?: boolean | undefined;
  /** What is taken over from the base image's config: all, as FROM does; env, the environment only, as dockerTools does; none. By default `"all"`. */
  readonly inherit?: "all" | "env" | "none" | undefined;
  /** What a container runs, config.Cmd in short: a text that is split into words, or a list of them. */
  readonly cmd?: string | readonly string[] | undefined;
  /** Ports that it listens on, config.ExposedPorts in short, such as 3000 or 53/udp. */
  readonly expose?: readonly (number | string)[] | undefined;
  /** Environment variables, config.Env in short. */
  readonly env?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** The user as whom it runs, config.User in short: a name, a number, or both with a group. */
  readonly user?: string | number | undefined;
  /** A command that tells whether a container is well, without a shell: a text or a list of words, false for none, or an object with cmd, interval, timeout, startPeriod (such as 30s) and retries. */
  readonly healthcheck?: false | string | readonly string[] | {
    readonly cmd: string | readonly string[];
    readonly interval?: string | undefined;
    readonly timeout?: string | undefined;
    readonly startPeriod?: string | undefined;
    readonly retries?: number | undefined;
  } | undefined;
  /** Labels, added to the config's. By default `{}`. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations of the image's manifest, if it has one. By default `{}`. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Which findings of varve check are meant to be there. */
  readonly check?: {
    /** Findings that are neither told nor fail a build, each with its reason. By default `[]`. */
    readonly ignore?: readonly {
      /** The finding's code, such as dangling-link. */
      readonly code: string;
      /** Which paths in the image, as a glob; all unless given. */
      readonly path?: string | undefined;
      /** Why it is meant to be so. */
      readonly reason: string;
    }[] | undefined;
  } | undefined;
  /** As Go names it, such as amd64 or arm64; by default this machine's. */
  readonly architecture?: string | undefined;
  /** When the image says it was made; ISO 8601, or now. By default `"1970-01-01T00:00:01Z"`. */
  readonly created?: string | undefined;
  /** The time of every file in the image; ISO 8601, or now. By default `"1970-01-01T00:00:01Z"`. */
  readonly mtime?: string | undefined;
  /** The owner of every file. By default `0`. */
  readonly uid?: number | undefined;
  /** The group of every file. By default `0`. */
  readonly gid?: number | undefined;
  /** The owner's name. By default `"root"`. */
  readonly uname?: string | undefined;
  /** The group's name. By default `"root"`. */
  readonly gname?: string | undefined;
  /** How many layers the image may have, including the base's; by default 100, and for a Node project 20 besides the base's. */
  readonly maxLayers?: number | undefined;
  /** How components are grouped in layers: steady (the default), for layers that survive updates; leader, its predecessor; auto, as dockerTools does; popularity, as dockerTools did until NixOS 25.05; largest. */
  readonly strategy?: "steady" | "leader" | "auto" | "popularity" | "largest" | undefined;
  /** How often components change compared with others, by key; a map, or a file with one. */
  readonly weights?: string | Readonly<Record<string, number>> | undefined;
  /** The last build's layout, to which the build keeps if that is worth it: a lock file or an image; or "destination" for the image that is now where this one is pushed to, if there is one. */
  readonly layersFrom?: string | undefined;
  /** Other images of the same registry, or their lock files: layers of theirs that lie wholly in this image are its own, too, so that they are stored and pulled once. */
  readonly sharedWith?: string | readonly string[] | undefined;
  /** The file that keeps the layout from build to build, such as layers.lock.json: it is followed, unless layersFrom is given, and then written again. */
  readonly lockFile?: string | undefined;
  /** A layering pipeline instead of a strategy, in nixpkgs' form; a list, or a file with one. */
  readonly layeringPipeline?: string | readonly unknown[] | undefined;
  /** How a container of the image is run: the fields of the OCI image configuration's config, and Docker's. By default `{}`. */
  readonly config?: {
    readonly User?: string | undefined;
    readonly ExposedPorts?: Readonly<Record<string, object>> | undefined;
    readonly Env?: readonly string[] | undefined;
    readonly Entrypoint?: readonly string[] | undefined;
    readonly Cmd?: readonly string[] | undefined;
    readonly Volumes?: Readonly<Record<string, object>> | undefined;
    readonly WorkingDir?: string | undefined;
    readonly Labels?: Readonly<Record<string, string>> | undefined;
    readonly StopSignal?: string | undefined;
    readonly Healthcheck?: unknown;
    readonly Shell?: unknown;
    readonly OnBuild?: unknown;
    readonly ArgsEscaped?: unknown;
    readonly StopTimeout?: unknown;
    readonly Hostname?: unknown;
    readonly Domainname?: unknown;
    readonly AttachStdin?: unknown;
    readonly AttachStdout?: unknown;
    readonly AttachStderr?: unknown;
    readonly Tty?: unknown;
    readonly OpenStdin?: unknown;
    readonly StdinOnce?: unknown;
    readonly Image?: unknown;
    readonly NetworkDisabled?: unknown;
    readonly MacAddress?: unknown;
    readonly Memory?: unknown;
    readonly MemorySwap?: unknown;
    readonly CpuShares?: unknown;
  } | undefined;
}
