export { varveVersion as version } from "#util";
