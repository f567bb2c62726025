# What is made of whole images.
{ archiveOf, baseOf, step, system, varve, withAttributes, ... }:

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
      fromImage ? null,
      # varve's own: a file of `varve lock`, in place of `fromImage`.
      fromImageLock ? null,
      name ? if fromImage == null then "exported-image.tar" else fromImage.name,
      fromImageName ? null,
      fromImageTag ? null,
      diskSize ? 1024,
    }:
    let
      chosen = if fromImageName == null || fromImageTag == null then "" else ":${fromImageName}:${fromImageTag}";
    in
    assert fromImage != null || fromImageLock != null || throw "exportImage has no image; give it fromImage or fromImageLock";
    step {
      inherit name;
      run = "export";
      attrs.from = baseOf name {
        inherit fromImage fromImageLock;
        archive = image: "docker-archive:${archiveOf image}${chosen}";
      };
    };
}
