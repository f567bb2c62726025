/** What other tools call things that varve has under another name, or doesn't have: answers for those who type their words. */

/** For commands that varve doesn't have, with the one that they are behind. */
export const THEIR_COMMANDS: Readonly<Record<string, string>> = {
  "cache clean": "it is varve cache prune",
  "cache clear": "it is varve cache prune",
  "cache dir": "varve cache info says where the cache is",
  "cache ls": "varve cache info says what is in the cache",
  cat: "varve inspect --raw prints an image's manifest, --config its config, and varve export its files",
  clean: "varve cache prune cleans up what is kept from build to build, and varve gc registries and layouts",
  config: "varve inspect --config prints an image's config",
  convert: "varve copy writes an image in another format: varve copy app.tar oci:app",
  create: "varve init writes a project's spec, and varve build makes its image",
  diff: "varve why says which layers of two images differ and why, and varve compare which files",
  digest: "varve inspect shows an image's digest, and varve build prints that of what it made",
  docker: "varve needs no docker, and its commands have no word before them: varve build, varve push",
  history: "varve inspect shows an image's layers and what is in each",
  image: "varve inspect shows an image, wherever it is",
  images: "varve keeps no images of its own; varve inspect shows one, wherever it is",
  list: "varve keeps no images of its own; varve inspect shows one, wherever it is",
  ls: "varve inspect shows what is in an image, and varve export writes its files as a tar archive",
  manifest:
    "varve inspect --raw prints an image's manifest, and varve index create makes one for several platforms",
  new: "varve init writes a project's spec",
  prune: "varve cache prune cleans up what is kept from build to build, and varve gc registries and layouts",
  ps: "varve runs no containers: docker ps shows those of Docker",
  publish: "varve build --push REFERENCE builds and pushes, and varve push sends an image that is built",
  rebase: "varve build --from PLACE builds a project on another base",
  rm: "varve keeps no images of its own; varve gc removes from registries and layouts what nothing needs",
  rmi: "varve keeps no images of its own; varve gc removes from registries and layouts what nothing needs",
  run: "varve runs no containers; varve build --load gives the image to Docker, whose docker run starts it",
  save: "varve copy docker-daemon:NAME FILE writes an image of Docker's to a file, and varve build --output FILE a new one",
  scan: "varve check looks for what is wrong with an image, and with --audit also holds advisories against it",
  size: "varve inspect shows how large an image and its layers are, and varve plan does before it is built",
  start: "varve runs no containers; varve build --load gives the image to Docker, whose docker run starts it",
  tag: "varve copy gives an image another name: varve copy REFERENCE OTHER",
  tar: "varve build --output FILE writes an image to a file, and varve export an image's files as a tar archive",
  version: "it is varve --version",
};

const NOT_RUN = "varve runs no Dockerfile, and packs what is built already, so there is nothing to pass on";
const STAGES = "there are no stages; name the folder of what is to be built instead: varve build apps/api";
const DOCKERFILE =
  "varve reads no Dockerfile; name the project's folder or the spec instead: varve build PATH";
const TLS = "varve has --insecure for http, and --cacert FILE for certificates of one's own";
const IN_SPEC = (field: string) => `it is ${field} in varve.json`;
const ENV = IN_SPEC('"env"');
const EXPOSE = IN_SPEC('"expose"');
const CMD = IN_SPEC('"cmd"');
const FILE_OR_REGISTRY = "varve has --push REFERENCE for a registry, and --output FILE for a file";
const TO_FILE = "varve has --output FILE for that";
const DIGESTS = "varve has --json for that, which prints the digests of what was written";
const NAMING = "varve has --name and --tag for that, or --push NAME:TAG, which names and pushes it";
const BASE = "varve has --from for that";

/** For options that `varve build` doesn't have. */
export const THEIR_BUILD_OPTIONS: Readonly<Record<string, string>> = {
  "-e": ENV,
  "-f": DOCKERFILE,
  "-p": EXPOSE,
  "-t": NAMING,
  "--arch": "varve has --platform for that, such as linux/arm64",
  "--attest": "varve has --sbom and --provenance for that",
  "--base": BASE,
  "--base-image": BASE,
  "--build-arg": NOT_RUN,
  "--build-context": NOT_RUN,
  "--cache-repo": "varve has --cache-from and --cache-to for that",
  "--cmd": CMD,
  "--context": "name the project's folder instead: varve build PATH",
  "--debug": "varve has --verbose for that",
  "--dest": FILE_OR_REGISTRY,
  "--destination": FILE_OR_REGISTRY,
  "--digest-file": DIGESTS,
  "--dockerfile": DOCKERFILE,
  "--entrypoint": IN_SPEC('"config": { "Entrypoint": […] }'),
  "--env": ENV,
  "--expose": EXPOSE,
  "--file": DOCKERFILE,
  "--format":
    "the place says which: --output docker-archive:FILE, --output oci:FOLDER or --output oci-archive:FILE",
  "--iidfile": DIGESTS,
  "--image-label": "varve has --label for that",
  "--image-refs": DIGESTS,
  "--local": "varve has --load for that",
  "--metadata-file": DIGESTS,
  "--no-push": TO_FILE,
  "--oci-layout-path": "varve has --output oci:FOLDER for that",
  "--os": "varve has --platform for that, such as linux/arm64",
  "--out": TO_FILE,
  "--port": EXPOSE,
  "--progress": "varve has --quiet and --verbose for that",
  "--publish": "varve has --push REFERENCE for that",
  "--pull": "there is no need: varve asks the registry each time which image the base's name means",
  "--registry": "varve has --push REFERENCE for that",
  "--rm": "there is nothing to remove: varve builds without containers",
  "--secret": NOT_RUN,
  "--skip-tls-verify": TLS,
  "--source-date-epoch": "varve has --created and --mtime for that",
  "--squash": "varve has --max-layers for that",
  "--ssh": NOT_RUN,
  "--tar-path": TO_FILE,
  "--tarball": TO_FILE,
  "--target": STAGES,
  "--timestamp": "varve has --created and --mtime for that",
  "--tls-verify": TLS,
  "--user": IN_SPEC('"user"'),
  "--watch": "varve serve --watch makes the image anew when files change",
  "--workdir": IN_SPEC('"config": { "WorkingDir": … }'),
};
