# An executable that writes the image to stdout; nothing of its layers is copied into the store.
{ assertMsg, baseOf, configOf, customisationLayer, defaultArchitecture, idOf, layersOf, lower, outputHash, overridable, pkgs, step, storePaths, toList, varve, withAttributes, writeScript, writeText, ... }:

overridable (
  {
    name,
    # The output's hash if null.
    tag ? null,
    fromImage ? null,
    # varve's own: a file of `varve lock`, in place of `fromImage`.
    fromImageLock ? null,
    # Store paths, or one, whose trees are merged into the image's root, as links.
    contents ? [ ],
    config ? { },
    architecture ? defaultArchitecture,
    # ISO 8601, or "now".
    created ? "1970-01-01T00:00:01Z",
    mtime ? "1970-01-01T00:00:01Z",
    uid ? 0,
    gid ? 0,
    uname ? "root",
    gname ? "root",
    maxLayers ? 100,
    extraCommands ? "",
    fakeRootCommands ? "",
    enableFakechroot ? false,
    includeStorePaths ? true,
    includeNixDB ? false,
    passthru ? { },
    meta ? { },
    # Operations, or a file with them, in place of the plan within `maxLayers`.
    layeringPipeline ? null,
    debug ? false,
    # varve's own: layers of buildLayer, the lowest first. What is in them is in no other layer.
    layers ? [ ],
    # varve's own: whether nix-snapshotter mounts the store's paths, so that there are no layers of them.
    snapshotter ? false,
    # varve's own: whether contents follow the base's links, such as /bin to usr/bin.
    followBase ? true,
    # varve's own: what the machine must have that runs the scripts, such as `uid-range`.
    requiredSystemFeatures ? [ ],
  }:
  assert assertMsg (layeringPipeline != null || maxLayers > 1)
    "the maxLayers argument of dockerTools.buildLayeredImage function must be greather than 1 (current value: ${toString maxLayers})";
  assert assertMsg (!snapshotter || layers == [ ]) "in docker image ${name}: layers are for images that hold their store paths; leave them out with snapshotter";
  let
    baseName = baseNameOf name;
    imageName = lower name;
    base = baseOf name { inherit fromImage fromImageLock; };
    built = if includeStorePaths then layersOf name layers else [ ];

    # A file of its own, since Nix finds the config's references in it.
    baseJson = writeText "${baseName}-base.json" (builtins.toJSON {
      inherit architecture;
      config = configOf name config;
      os = "linux";
    });

    layer = customisationLayer {
      inherit baseName imageName extraCommands fakeRootCommands enableFakechroot includeNixDB requiredSystemFeatures;
      fromImage = base;
      gnuTar = true;
      roots = toList contents ++ (if includeNixDB then [ baseJson ] ++ builtins.concatMap (layer: layer.paths) built else [ ]);
      spec = {
        contents = storePaths contents;
        exclude = if includeNixDB then [ "${baseJson}" ] else [ ];
        inherit followBase;
        # The store's files are the image's user's and of its time; these are root's and of stdenv's, as with dockerTools.
        mtime = "@315532800";
      };
    };

    conf = step {
      name = "${baseName}-conf.json";
      run = "conf";
      attrs = {
        inherit imageName created mtime uname gname debug;
        uid = idOf "uid" uid;
        gid = idOf "gid" gid;
        imageTag = tag;
        storeDir = builtins.storeDir;
        fromImage = base;
        baseJson = "${baseJson}";
        customisationLayer = "${layer}";
        exportReferencesGraph = if includeStorePaths then {
          # What the layer and the config refer to: contents that are links to other paths aren't there themselves.
          graph = [ "${baseJson}" "${layer}" ];
        } else { };
        # What is made for the image's sake is no part of it.
        exclude = [ "${baseJson}" "${layer}" ];
        maxLayers = if layeringPipeline == null then maxLayers else null;
        pipeline =
          if layeringPipeline == null || builtins.isList layeringPipeline then layeringPipeline else "${layeringPipeline}";
        preferLocalBuild = true;
      }
      // (if built == [ ] then { } else { layers = map toString built; })
      // (if snapshotter then { inherit snapshotter; } else { });
    };

    imageTag = if tag != null then tag else outputHash conf;

    # Writes the image of a conf that it is given.
    streamScript = writeScript "stream" ''
      #!${pkgs.runtimeShell}
      exec ${varve}/bin/varve stream "$@"
    '';
  in
  withAttributes
    (writeScript "stream-${baseName}" ''
      #!${pkgs.runtimeShell}
      exec ${varve}/bin/varve stream ${conf} "$@"
    '')
    {
      inherit meta;
      passthru = passthru // {
        inherit imageName imageTag conf streamScript;
        customisationLayer = layer;
        layers = built;
        inherit snapshotter;
        # Tells it from an archive before it is built.
        isExe = true;
      };
    }
)
