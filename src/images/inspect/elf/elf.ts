/** What is known of an ELF file: System V ABI, "Object Files" and "Dynamic Linking"; and GNU's symbol versions. */

/** A version that one library needs of another: `.gnu.version_r`. */
export interface NeededVersions {
  /** The other library's name, one of those that are needed. */
  readonly file: string;
  /** Those that must be there; weak ones needn't. */
  readonly versions: readonly string[];
}

/** What of an ELF file decides whether it can be loaded. */
export interface Elf {
  /** 32 or 64 bits. */
  readonly bits: 32 | 64;
  readonly isBigEndian: boolean;
  /** `e_machine`. */
  readonly machine: number;
  /** `e_type`; others than these two aren't loaded by programs. */
  readonly type: "executable" | "shared" | "other";
  /** The dynamic loader that the kernel starts, `PT_INTERP`. */
  readonly interpreter?: string;
  /** True if it has a dynamic section that couldn't be read as the file passed by, so that nothing is known of what it needs. */
  readonly isUnsure?: true;
  readonly needed: readonly string[];
  readonly soname?: string;
  readonly rpath?: readonly string[];
  readonly runpath?: readonly string[];
  readonly neededVersions: readonly NeededVersions[];
  /** The versions that it has, `.gnu.version_d`. */
  readonly versions: readonly string[];
  /** `DF_1_NODEFLIB`: default folders aren't searched. */
  readonly noDefaultFolders?: true;
  /** Of an addon of Node.js: `napi` for one that every version loads, else the version of the interface (`NODE_MODULE_VERSION`). */
  readonly addon?: "napi" | number;
}

/** A stretch of a file, in bytes from its start. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The bytes of a file that are at hand. */
export interface Bytes {
  /** The bytes of a range, fewer at the file's end; undefined if they aren't at hand. */
  get(range: Range): Buffer | undefined;
}
