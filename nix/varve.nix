# varve as a package with bin/varve: from `dist`, where `npm run build` has made it, or else from its sources, which Node.js
# runs as they are.
{
  pkgs,
  dist ? ../dist,
  nodejs ? pkgs.nodejs,
  # Where packages come from; wherever that is, their hashes are known.
  registry ? "https://registry.npmjs.org",
}:

let
  inherit (import ./support.nix { inherit pkgs; varve = throw "varve is being made"; })
    shellBuild withAttributes;

  package = builtins.fromJSON (builtins.readFile ../package.json);

  # Node.js runs TypeScript since the first of these, and since the second one in the line that came before.
  needed = if hasDist then builtins.head (builtins.match ">=(.*)" package.engines.node) else "22.18";
  isOlder = than: builtins.compareVersions version than < 0;
  version = nodejs.version or "";
  isTooOld = version != "" && (isOlder needed || !hasDist && !isOlder "23" && isOlder "23.6");
  node =
    if isTooOld then
      throw "varve needs Node.js ${needed} or newer, and nodejs is ${version}; give it a newer one, as in import ./nix/varve.nix { inherit pkgs; nodejs = pkgs.nodejs_24; }"
    else nodejs;

  install = { files, program, options ? "" }: withAttributes
    (shellBuild "varve-${package.version}" ''
      mkdir -p $out/bin $out/lib/varve
      cd $out/lib/varve
      cp ${../package.json} package.json
      ${files}
      printf '#!%s\nexec %s/bin/node ${options} %s/lib/varve/%s "$@"\n' ${pkgs.runtimeShell} ${node} $out ${program} >$out/bin/varve
      chmod +x $out/bin/varve
    '')
    {
      passthru = { pname = "varve"; inherit (package) version; };
      meta = { inherit (package) description; mainProgram = "varve"; };
    };

  hasDist = builtins.pathExists (dist + "/bin.js");

  fromDist =
    let
      # Declarations are for who imports varve.
      files = builtins.path {
        name = "varve-dist";
        path = dist;
        filter = path: type: type == "directory" || builtins.match ".*\\.(c?js|json)" path != null;
      };
      # What isn't part of the files in `dist`, and what that needs. What lies in a package's own folder comes with it.
      isOutermost = place: builtins.match "node_modules/(@[^/]+/)?[^/]+" place != null;
      installed = builtins.filter (place: isOutermost place && builtins.pathExists (../. + "/${place}")) dependencies;
      copy = place: ''
        mkdir -p ${dirOf place}
        cp -r ${builtins.path { name = builtins.replaceStrings [ "@" ] [ "" ] (baseNameOf place); path = ../. + "/${place}"; }} ${place}
      '';
    in
    install {
      program = "dist/bin.js";
      files = ''
        cp -r ${files} dist
        ${builtins.concatStringsSep "\n" (map copy installed)}
      '';
    };

  fromSource =
    let
      sources = builtins.path {
        name = "varve-src";
        path = ../src;
      };
    in
    install {
      program = "src/bin.ts";
      # Node.js before 24.12 warns of types, though it has no trouble with them.
      options = "--disable-warning=ExperimentalWarning";
      files = ''
        cp -r ${sources} src
        PATH=$PATH:${pkgs.gnutar}/bin:${pkgs.gzip}/bin
        ${builtins.concatStringsSep "\n" (map unpack dependencies)}
      '';
    };

  # What package-lock.json names but for development; none of these packages has anything to build.
  packages = (builtins.fromJSON (builtins.readFile ../package-lock.json)).packages;
  isForDevelopment = { dev ? false, devOptional ? false, ... }: dev || devOptional;
  dependencies = builtins.filter (place: place != "" && !isForDevelopment packages.${place}) (builtins.attrNames packages);
  unpack = place: ''
    mkdir -p ${place}
    tar -xzf ${fetch place} -C ${place} --strip-components 1 --no-same-owner
  '';

  # A package from npm's registry, by the hash in the lock file. nixpkgs' own way to fetch it knows of proxies and the like.
  fetch = place:
    let
      name = builtins.head (builtins.match ".*node_modules/(.*)" place);
      inherit (packages.${place}) integrity version;
      file = "${baseNameOf name}-${version}.tgz";
    in
    (pkgs.fetchurl or (import <nix/fetchurl.nix>)) {
      name = file;
      url = "${registry}/${name}/-/${file}";
      hash = integrity;
    };
in
if hasDist then fromDist else fromSource
