# The archive that `streamNixShellImage` writes, compressed.
{ extensionOf, overridableWith, step, tools, ... }:

overridableWith (tools.streamNixShellImage.__functionArgs // { compressor = true; }) (
  args@{ drv, compressor ? "gz", ... }:
  let
    stream = tools.streamNixShellImage (removeAttrs args [ "compressor" ]);
  in
  step {
    name = "${drv.name}-env.tar${extensionOf compressor drv.name}";
    run = "archive";
    attrs = {
      conf = "${stream.conf}";
    };
    passthru = {
      inherit stream;
      inherit (stream) conf customisationLayer imageName imageTag streamScript;
      isExe = false;
    };
  }
)
