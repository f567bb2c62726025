# The archive that `streamLayeredImage` writes, compressed; for nix-snapshotter an OCI archive, which stays as it is.
{ extensionOf, overridableWith, step, tools, ... }:

overridableWith (tools.streamLayeredImage.__functionArgs // { compressor = true; }) (
  args@{ name, compressor ? "gz", snapshotter ? false, ... }:
  let
    stream = tools.streamLayeredImage (removeAttrs args [ "compressor" ]);

    image = step {
      name = "${baseNameOf name}.tar${if snapshotter then "" else extensionOf compressor name}";
      run = "archive";
      attrs = {
        conf = "${stream.conf}";
      };
      meta = args.meta or { };
      passthru = args.passthru or { } // {
        inherit stream snapshotter;
        inherit (stream) conf customisationLayer imageName imageTag layers streamScript;
        isExe = false;
      }
      # How Kubernetes is told of it where nix-snapshotter is its image service.
      // (if snapshotter then { image = "nix:0${image}"; } else { });
    };
  in
  image
)
