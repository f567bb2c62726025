# varve as a package with bin/varve: from `dist`, where `npm run build` has made it, or else from its sources, which Node.js
# runs as they are.
{ pkgs, dist ? ../dist }:

let
  inherit (import ./support.nix { inherit pkgs; varve = throw "varve is being made"; })
    shellBuild system withAttributes withShell;

  package = builtins.fromJSON (builtins.readFile ../package.json);

  install = { files, program, options ? "" }: withAttributes
    (shellBuild "varve-${package.version}" ''
      mkdir -p $out/bin $out/lib/varve
      cd $out/lib/varve
      cp ${../package.json} package.json
      ${files}
      printf '#!%s\nexec %s/bin/node ${options} %s/lib/varve/%s "$@"\n' ${pkgs.runtimeShell} ${pkgs.nodejs} $out ${program} >$out/bin/varve
      chmod +x $out/bin/varve
    '')
    { meta = { inherit (package) description; mainProgram = "varve"; }; };

  fromDist =
    let
      # Declarations are for who imports varve.
      files = builtins.path {
        name = "varve-dist";
        path = dist;
        filter = path: type: type == "directory" || builtins.match ".*\\.(js|json)" path != null;
      };
      # What isn't part of the files in `dist`.
      dependency = name: builtins.path {
        inherit name;
        path = ../node_modules + "/${name}";
      };
    in
    install {
      program = "dist/bin.js";
      files = ''
        cp -r ${files} dist
        mkdir node_modules
        cp -r ${dependency "commander"} node_modules/commander
        cp -r ${dependency "js-yaml"} node_modules/js-yaml
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
        cp -r ${dependencies} node_modules
      '';
    };

  # What package-lock.json names but for development: the same files on every system, each package checked by npm. When
  # that file changes, this hash does, and Nix tells the new one.
  dependencies = derivation {
    name = "varve-dependencies";
    inherit system;
    builder = pkgs.runtimeShell;
    args = [
      "-euc"
      (withShell ''
        cp ${../package.json} package.json
        cp ${../package-lock.json} package-lock.json
        export npm_config_cache=$PWD/cache NODE_EXTRA_CA_CERTS=''${NIX_SSL_CERT_FILE-}
        npm ci --no-progress --omit=dev --ignore-scripts --no-bin-links --no-audit --no-fund --no-update-notifier
        rm node_modules/.package-lock.json
        cp -r node_modules $out
      '')
    ];
    PATH = "${pkgs.nodejs}/bin:${pkgs.coreutils}/bin";
    impureEnvVars = [ "http_proxy" "https_proxy" "no_proxy" "HTTP_PROXY" "HTTPS_PROXY" "NO_PROXY" "NIX_SSL_CERT_FILE" "npm_config_registry" ];
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = "sha256-mznqZOMFpzGHUxPKzC7+zWaNzLdbJYP/+MLROoqISWc=";
  };
in
if builtins.pathExists (dist + "/bin.js") then fromDist else fromSource
