{ pkgs, tools }:

tools.buildLayeredImage {
  name = "by-flake";
  tag = "1";
  contents = [ pkgs.hello ];
  config.Cmd = [ "${pkgs.hello}/bin/hello" ];
}
