/** Programs, addons of Node.js and libraries: whether each can be loaded in the image. */
import { posix } from "node:path";
import { type Elf, fits, machineName } from "../elf/index.ts";
import { type Fault, isTried } from "../findings.ts";
import { LibrarySearch, type LoadResult } from "../libraries/load.ts";
import { type Loader, Loaders } from "../libraries/loaders.ts";
import { type ElfReport, withoutAlternatives } from "./alternatives.ts";
import { addonInterface, faultOf } from "./elf-words.ts";
import { type Inspected, type InspectedFile, nodeProgram, programPlaces, variable } from "./inspected.ts";
import { namesPlatform, packageOf } from "./platforms.ts";

/** Files with what a debugger wants to know of others. */
const DEBUG = /^\/usr\/lib\/debug\/|\.debug$/;

/** What runs beside a libc that isn't its own. */
const COMPATIBLE = /^libgcompat\.so\.0$/;

export function elfFaults(image: Inspected): Fault[] {
  return new ElfCheck(image).faults();
}

type LoadedFile = InspectedFile & { readonly elf: Elf };

class ElfCheck {
  readonly #image: Inspected;
  readonly #programPlaces: ReadonlySet<string>;
  readonly #loaders: Loaders;
  readonly #search: LibrarySearch;
  /** By the files that they are about. */
  readonly #faults = new Map<string, Map<string, Fault>>();
  /** What was loaded for something else. */
  readonly #reached = new Set<string>();
  readonly #node: LoadedFile | undefined;
  #host: { readonly loader: Loader; readonly result: LoadResult } | undefined;

  constructor(image: Inspected) {
    this.#image = image;
    this.#programPlaces = programPlaces(image);
    this.#loaders = new Loaders(image.root);
    const environment = variable(image.config, "LD_LIBRARY_PATH")?.split(/[:;]/) ?? [];
    this.#search = new LibrarySearch(
      image.root,
      environment.filter((folder) => folder.startsWith("/")),
    );
    const node = nodeProgram(image);
    this.#node =
      node?.facts.elf === undefined || node.facts.elf === "broken"
        ? undefined
        : { ...node, elf: node.facts.elf };
  }

  faults(): Fault[] {
    const fitting = this.#image.files.filter((file) => this.#looksFitting(file));
    const files = fitting.map((file): LoadedFile => ({ ...file, elf: file.facts.elf as Elf }));
    const isLibrary = ({ path, elf }: LoadedFile) => elf.interpreter === undefined && !path.endsWith(".node");
    if (this.#node !== undefined) this.#loadNode(this.#node);
    for (const file of files.filter(({ elf }) => elf.interpreter !== undefined)) this.#program(file);
    for (const file of files.filter(({ path }) => path.endsWith(".node"))) this.#addon(file);
    for (const file of files) if (isLibrary(file) && !this.#reached.has(file.path)) this.#library(file);
    return withoutAlternatives(this.#reports());
  }

  /** Reports what doesn't fit; returns whether it can be loaded for all that its header says. */
  #looksFitting({ path, facts }: InspectedFile): boolean {
    const { elf, foreign } = facts;
    const { architecture } = this.#image;
    if (foreign !== undefined) {
      const message =
        foreign === "not a program"
          ? "it should be an addon of Node.js, and is no program of any kind"
          : `it is an addon of Node.js for another system (${foreign})`;
      this.#add({
        code: "wrong-platform",
        severity: foreign === "not a program" ? "warning" : "error",
        path,
        message,
      });
    }
    if (elf === undefined || DEBUG.test(path)) return false;
    if (elf === "broken") {
      const message = "it begins as a program or library and is cut short, or damaged";
      this.#add({ code: "broken-elf", severity: this.#severity(path), path, message });
      return false;
    }
    if (elf.type === "other") return false;
    if (fits(elf, architecture) === false) {
      const message = `it is for ${machineName(elf)}, and the image is for ${architecture}`;
      this.#add({ code: "wrong-platform", severity: this.#severity(path, elf), path, message });
      return false;
    }
    return fits(elf, architecture) === true;
  }

  /** Programs and addons are loaded as they are; a library that nobody loads here may be one that somebody chooses. */
  #severity(path: string, elf?: Elf): Fault["severity"] {
    const isUsed = elf?.interpreter !== undefined || path.endsWith(".node") || this.#isOnPath(path);
    if (!isUsed || isTried(path)) return "warning";
    // A cross compiler has programs for other machines, in folders that name those.
    const isChosen = packageOf(path) === undefined ? !this.#isOnPath(path) && namesPlatform(path) : false;
    return isChosen ? "warning" : "error";
  }

  #isOnPath(path: string): boolean {
    return this.#programPlaces.has(posix.dirname(path));
  }

  #loadNode(node: LoadedFile): void {
    const loader = node.elf.interpreter === undefined ? undefined : this.#loaders.at(node.elf.interpreter);
    if (loader === undefined || fits(node.elf, this.#image.architecture) !== true) return;
    this.#host = { loader, result: this.#search.load({ ...placed(node), elf: node.elf }, { loader }) };
  }

  #program(file: LoadedFile): void {
    const { path, elf } = file;
    const place = elf.interpreter!;
    const found = this.#image.root.resolve(place);
    if (found.kind === "mounted") return;
    if (found.kind !== "found" || found.node.root.kind !== "file") {
      // The C library itself is a program that nobody runs; and who makes a part of an image has loaders elsewhere.
      const isHarmless = /\.so(?:[.\d]|$)/.test(path) || this.#image.isPart;
      const severity = isHarmless ? "warning" : this.#severity(path, elf);
      const message = `its loader is ${place}, which isn't in the image${/musl/.test(place) ? ", so it is for musl" : ""}`;
      this.#add({ code: "missing-loader", severity, path, message });
      return;
    }
    const loader = this.#loaders.at(place);
    if (loader === undefined) return;
    this.#load(file, { loader, severity: isTried(path) ? "warning" : "error" });
  }

  #addon(file: LoadedFile): void {
    const { path, elf } = file;
    const host = this.#host;
    const isSame =
      host !== undefined && this.#node?.elf.machine === elf.machine && this.#node.elf.bits === elf.bits;
    const loader = isSame ? host.loader : this.#loaders.for(elf);
    const severity = isTried(path) ? "warning" : "error";
    if (loader !== undefined) this.#load(file, { loader, severity, host: isSame ? host.result : undefined });
    const abi = this.#node?.facts.node?.abi;
    if (typeof elf.addon === "number" && abi !== undefined && elf.addon !== abi) {
      const message = `it is built for Node.js's addon interface ${addonInterface(elf.addon)}, and the image's Node.js has ${addonInterface(abi)}; rebuild it, or take another base`;
      this.#add({ code: "wrong-addon-version", severity, path, message });
    }
  }

  #library(file: LoadedFile): void {
    const loader = this.#loaders.for(file.elf);
    if (loader !== undefined) this.#load(file, { loader, severity: "warning" });
  }

  #load(
    file: LoadedFile,
    {
      loader,
      severity,
      host,
    }: { loader: Loader; severity: Fault["severity"]; host?: LoadResult | undefined },
  ): void {
    const { path, elf } = file;
    const { loaded, faults } = this.#search.load({ ...placed(file), elf }, { loader, ...(host && { host }) });
    for (const each of loaded.slice(1)) this.#reached.add(each.path);
    for (const fault of faults) this.#add(faultOf(fault, { loader, severity }));
    const glibc = elf.neededVersions.flatMap(({ file, versions }) => (file === "libc.so.6" ? versions : []));
    const isCompatible = loaded.some(({ elf }) => COMPATIBLE.test(elf.soname ?? ""));
    if (loader.libc === "musl" && glibc.length > 0 && !isCompatible) {
      const message = "it is built for glibc, and is loaded beside musl, which may lack what it calls";
      this.#add({ code: "wrong-libc", severity: "warning", path, message });
    }
  }

  /** Keeps a fault, or makes the one that is there an error. */
  #add(fault: Fault): void {
    const known = this.#faults.get(fault.path) ?? new Map<string, Fault>();
    this.#faults.set(fault.path, known);
    const name = `${fault.code} ${fault.message}`;
    if (known.get(name)?.severity !== "error") known.set(name, fault);
  }

  #reports(): ElfReport[] {
    return this.#image.files
      .filter(({ facts }) => facts.elf !== undefined || facts.foreign !== undefined)
      .map(({ path }) => ({ path, faults: [...(this.#faults.get(path)?.values() ?? [])] }));
  }
}

function placed({ path }: InspectedFile): { readonly path: string; readonly origin: string } {
  return { path, origin: posix.dirname(path) };
}
