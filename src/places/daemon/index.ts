export { DEFAULT_DOCKER_HOST, dockerHost } from "./host.ts";
export { type DockerDaemonOptions, type DockerDaemonSinkOptions, dockerDaemonSink } from "./sink.ts";
export { type DockerDaemonSourceOptions, dockerDaemonSource } from "./source.ts";
