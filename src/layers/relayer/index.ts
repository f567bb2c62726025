export { type RelayeredImage, type RelayerOptions, relayered } from "./relayer.ts";
