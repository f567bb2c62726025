# The archive that `streamLayeredImage` writes, compressed.
{ extensionOf, overridableWith, step, tools, ... }:

overridableWith (tools.streamLayeredImage.__functionArgs // { compressor = true; }) (
  args@{ name, compressor ? "gz", ... }:
  let
    stream = tools.streamLayeredImage (removeAttrs args [ "compressor" ]);
  in
  step {
    name = "${baseNameOf name}.tar${extensionOf compressor name}";
    run = "archive";
    attrs = {
      conf = "${stream.conf}";
    };
    meta = args.meta or { };
    passthru = args.passthru or { } // {
      inherit stream;
      inherit (stream) conf customisationLayer imageName imageTag streamScript;
      isExe = false;
    };
  }
)
