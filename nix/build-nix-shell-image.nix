# The archive that `streamNixShellImage` writes, compressed.
{ extensionOf, overridable, step, tools, ... }:

overridable (
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
      inherit (stream) conf customisationLayer imageName imageTag;
      isExe = false;
    };
  }
)
