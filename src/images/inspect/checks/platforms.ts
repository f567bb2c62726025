/** Files of which a package has one for each platform, and chooses when it runs. */

/** Words for systems, processors, C libraries and interfaces in the names of files, folders and packages. */
const WORDS = [
  ..."linux darwin macos osx win32 windows win freebsd openbsd netbsd android sunos aix cygwin openharmony alpine".split(
    " ",
  ),
  ..."x64 x86_64 x86-64 x86 amd64 ia32 i386 i686 arm64 aarch64 armv5 armv6l armv6 armv7l armv7 armv8 armhf armel arm".split(
    " ",
  ),
  ..."riscv64gc riscv64 ppc64le powerpc64le ppc64 s390x mips64el mips64 mipsel mips loongarch64 loong64 universal".split(
    " ",
  ),
  ..."gnueabihf musleabihf gnueabi musleabi linuxmusl linuxglibc linuxgnu gnu musl glibc msvc unknown".split(
    " ",
  ),
];

const SYSTEM = new RegExp(`(?<![A-Za-z0-9])(?:${WORDS.join("|")})(?![A-Za-z0-9])`, "i");

const WORD = `(?:${WORDS.join("|")}|node-v\\d+|electron-v[\\d.]+|node-webkit-v[\\d.]+|napi-v\\d+|abi\\d+|uv\\d+|napi|node|electron)`;
const PLATFORM = new RegExp(`(?<![A-Za-z0-9])${WORD}(?:[-_.+]${WORD})*(?![A-Za-z0-9])`, "gi");

/** A path in which all of those words are the same, so that files for several platforms have one name. */
export function withoutPlatform(path: string): string {
  // The folder `node_modules` and the ending `.node` are no words for platforms.
  return path
    .split("/")
    .map((part) => (part === "node_modules" ? part : part.replace(/\.node$/, "").replace(PLATFORM, "*")))
    .join("/");
}

/** Whether a path has any of them. */
export function namesPlatform(path: string): boolean {
  return withoutPlatform(path).includes("*");
}

/** Whether a package's name says that it is for one system or processor. */
export function isForSystem(name: string): boolean {
  return SYSTEM.test(name);
}

/** The folder of the package that a path is in, and the path below it; undefined for what is in no package. */
export function packageOf(path: string): { readonly folder: string; readonly rest: string } | undefined {
  const at = path.lastIndexOf("/node_modules/");
  if (at === -1) return undefined;
  const start = at + "/node_modules/".length;
  const [name] = /^(?:@[^/]+\/)?[^/]+\//.exec(path.slice(start)) ?? [];
  if (name === undefined) return undefined;
  const end = start + name.length;
  return { folder: path.slice(0, end), rest: path.slice(end) };
}
