export { type Place, parseDestination, parseSource } from "./place.ts";
export { Transports, type TransportsOptions } from "./transports.ts";
