/** The host that serves a registry's API: Docker Hub's is not the one in its references. */
export function apiHost(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

/** Whether a URL's host name can only be this machine, so that nothing in between can listen. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "[::1]" ||
    /^127(\.[0-9]{1,3}){3}$/.test(name)
  );
}
