# The archive of an image with one layer on top of its base: files of the root, and all store paths that they, the config
# and what scripts leave refer to, but for those the base has.
{ archiveOf, baseOf, configOf, customisationLayer, defaultArchitecture, extensionOf, idOf, lower, outputHash, overridable, step, storePaths, toList, writeText, ... }:

overridable (
  args@{
    name,
    # The output's hash if null.
    tag ? null,
    fromImage ? null,
    # varve's own: a file of `varve lock`, in place of `fromImage`.
    fromImageLock ? null,
    # Which image of the base's archive; the first one if null.
    fromImageName ? null,
    fromImageTag ? null,
    # Store paths, or one, whose trees are copied into the image's root.
    copyToRoot ? null,
    # Deprecated by dockerTools: the same as copyToRoot.
    contents ? null,
    keepContentsDirlinks ? false,
    config ? null,
    architecture ? defaultArchitecture,
    extraCommands ? "",
    uid ? 0,
    gid ? 0,
    uname ? "root",
    gname ? "root",
    # A script that runs as root in the image, in a sandbox.
    runAsRoot ? null,
    # Of dockerTools' virtual machine, which varve hasn't.
    diskSize ? 1024,
    buildVMMemorySize ? 512,
    created ? "1970-01-01T00:00:01Z",
    mtime ? "1970-01-01T00:00:01Z",
    compressor ? "gz",
    includeNixDB ? false,
    includeStorePaths ? true,
    passthru ? { },
    meta ? { },
    followBase ? true,
    # varve's own: what the machine must have that runs the scripts, such as `uid-range`.
    requiredSystemFeatures ? [ ],
  }:
  assert contents != null && copyToRoot != null
    -> throw "in docker image ${name}: You can not specify both contents and copyToRoot.";
  let
    baseName = baseNameOf name;
    imageName = lower name;
    root = if copyToRoot == null then contents else copyToRoot;

    baseJson = writeText "${baseName}-config.json" (builtins.toJSON {
      inherit architecture;
      config = configOf name config;
      os = "linux";
    });

    base = baseOf name {
      inherit fromImage fromImageLock;
      archive = image:
        if fromImageName == null || fromImageTag == null then archiveOf image
        else "docker-archive:${archiveOf image}:${fromImageName}:${fromImageTag}";
    };

    layer = customisationLayer {
      inherit baseName imageName extraCommands runAsRoot includeNixDB requiredSystemFeatures;
      fromImage = base;
      roots = toList root ++ (if includeNixDB then [ baseJson ] else [ ]);
      spec = {
        copyToRoot = storePaths root;
        exclude = if includeNixDB then [ "${baseJson}" ] else [ ];
        uid = idOf "uid" uid;
        gid = idOf "gid" gid;
        inherit keepContentsDirlinks uname gname mtime followBase;
      };
    };

    image = step {
      name = "docker-image-${baseName}.tar${extensionOf compressor name}";
      run = "image";
      attrs = {
        inherit imageName created mtime;
        imageTag = tag;
        storeDir = builtins.storeDir;
        fromImage = base;
        baseJson = "${baseJson}";
        customisationLayer = "${layer}";
        exportReferencesGraph = if includeStorePaths then { graph = [ "${baseJson}" "${layer}" ]; } else { };
        exclude = [ "${baseJson}" "${layer}" ];
      };
      inherit meta;
      passthru = passthru // {
        inherit imageName layer;
        buildArgs = args;
        imageTag = if tag != null then tag else outputHash image;
        isExe = false;
      };
    };
  in
  image
)
