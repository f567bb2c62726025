# Images for several systems with an index over them, as an OCI layout: a folder, from which every engine takes the image for it.
#
#     imageIndex { images = [ pkgsX86.image pkgsArm.image ]; }
#
# Each image is built where its system's images are built; this only puts them beside each other. Layers that they share are in it once.
{ step, system, varve, withAttributes, ... }:

{
  # Images of buildLayeredImage, buildImage, streamLayeredImage or pullImage, one for each platform.
  images,
  name ? (builtins.head images).imageName,
  tag ? (builtins.head images).imageTag or "latest",
  annotations ? { },
  passthru ? { },
  meta ? { },
}:
let
  baseName = baseNameOf name;
  # A stream has no archive; one is made of its conf.
  archiveOf = image:
    if image.isExe or false
    then step { name = "${image.imageName}.tar"; run = "archive"; attrs = { inherit (image) conf; }; }
    else image;
  annotation = key: [ "--annotation" "${key}=${annotations.${key}}" ];
in
assert images != [ ] || throw "imageIndex ${baseName} has no images; give one for each platform";
withAttributes
  (derivation {
    name = "${baseName}-index";
    inherit system;
    builder = "${varve}/bin/varve";
    args = [ "index" "create" "--quiet" "--no-cache" "oci:${placeholder "out"}:${tag}" ]
      ++ map (image: "docker-archive:${archiveOf image}") images
      ++ builtins.concatMap annotation (builtins.attrNames annotations);
  })
  {
    passthru = passthru // { inherit images; imageName = name; imageTag = tag; isIndex = true; };
    inherit meta;
  }
