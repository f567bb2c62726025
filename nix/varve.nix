# varve as a package with bin/varve: from `dist`, where `npm run build` has made it, or else from source with nixpkgs'
# buildNpmPackage.
{ pkgs, dist ? ../dist }:

let
  inherit (import ./support.nix { inherit pkgs; varve = throw "varve is being made"; }) shellBuild;

  package = builtins.fromJSON (builtins.readFile ../package.json);
  files = builtins.path {
    name = "varve-dist";
    path = dist;
    # Declarations are for who imports varve.
    filter = path: type: type == "directory" || builtins.match ".*\\.(js|json)" path != null;
  };
  # What isn't part of the files in `dist`.
  dependency = name: builtins.path {
    inherit name;
    path = ../node_modules + "/${name}";
  };

  built = shellBuild "varve-${package.version}" ''
    mkdir -p $out/bin $out/lib/varve/node_modules
    cp -r ${files} $out/lib/varve/dist
    cp ${../package.json} $out/lib/varve/package.json
    cp -r ${dependency "commander"} $out/lib/varve/node_modules/commander
    cp -r ${dependency "undici"} $out/lib/varve/node_modules/undici
    printf '#!%s\nexec %s/bin/node %s/lib/varve/dist/bin.js "$@"\n' ${pkgs.runtimeShell} ${pkgs.nodejs} $out >$out/bin/varve
    chmod +x $out/bin/varve
  '';

  fromSource = pkgs.buildNpmPackage {
    pname = "varve";
    inherit (package) version;
    src = ../.;
    npmDeps = pkgs.importNpmLock { npmRoot = ../.; };
    inherit (pkgs.importNpmLock) npmConfigHook;
    # The repository's own Node.js is fetched by an install script; nixpkgs' one does as well.
    npmFlags = [ "--ignore-scripts" ];
    meta = {
      inherit (package) description;
      mainProgram = "varve";
    };
  };
in
if builtins.pathExists (dist + "/bin.js") then built
else if pkgs ? buildNpmPackage then fromSource
else throw "varve isn't built: run `npm ci`, which also builds it, or give `varve`"
