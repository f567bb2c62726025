# Layers of store paths as a derivation of their own, for the `layers` of any image: built by whatever builds derivations, kept by
# what keeps them, and neither measured nor compressed when an image is made of them.
#
# The output says what they are, in `layers.json`, and holds them as a registry stores them.
{ idOf, layersOf, overridable, step, storePaths, toList, ... }:

overridable (
  {
    name ? "layer",
    # Store paths, or one; what they refer to is in the layers as well.
    paths ? [ ],
    # The same, as nix2container has it.
    deps ? [ ],
    # Other layers: what is in them isn't in these.
    layers ? [ ],
    # How many layers to make.
    maxLayers ? 1,
    # How they are kept: "gz" or "zstd", as a push sends them, or "none" for only what they are.
    compressor ? "gz",
    uid ? 0,
    gid ? 0,
    uname ? "root",
    gname ? "root",
    mtime ? "1970-01-01T00:00:01Z",
    passthru ? { },
    meta ? { },
  }:
  let
    roots = toList paths ++ toList deps;
  in
  assert roots != [ ] || throw "buildLayer ${name} has no paths; give it some store paths";
  assert builtins.isInt maxLayers && maxLayers > 0 || throw "buildLayer ${name}: maxLayers must be 1 or more";
  assert builtins.elem compressor [ "gz" "none" "zstd" ] || throw "buildLayer ${name}: compressor must be one of: [gz none zstd]";
  step {
    name = "${name}-layer";
    run = "layers";
    attrs = {
      inherit compressor maxLayers mtime uname gname;
      uid = idOf "uid" uid;
      gid = idOf "gid" gid;
      storeDir = builtins.storeDir;
      layers = map toString (layersOf name layers);
      exportReferencesGraph.graph = storePaths roots;
    };
    inherit meta;
    passthru = passthru // { paths = roots; isLayer = true; };
  }
)
