# What is made of whole images.
{ archiveOf, step, system, varve, withAttributes, ... }:

{
  # One archive with several images; what they share is in it once.
  mergeImages = images: derivation {
    name = "merge-docker-images";
    inherit system;
    builder = "${varve}/bin/varve";
    args = [ "merge" "--quiet" ] ++ map (image: "docker-archive:${archiveOf image}") images ++ [ "docker-archive:${placeholder "out"}" ];
  };

  # The root file system of an image, as one tar archive.
  exportImage =
    {
      fromImage,
      name ? fromImage.name,
      fromImageName ? null,
      fromImageTag ? null,
      diskSize ? 1024,
    }:
    let
      chosen = if fromImageName == null || fromImageTag == null then "" else ":${fromImageName}:${fromImageTag}";
    in
    step {
      inherit name;
      run = "export";
      attrs.from = "docker-archive:${archiveOf fromImage}${chosen}";
    };
}
