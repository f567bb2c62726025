import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Who says when the work is over: a test's own context (`t`), or `{ after }` of `node:test` for what all tests of
 * a file or a suite share.
 */
export interface Scope {
  after(cleanup: () => void | Promise<void>): void;
}

/** An empty folder that is there until the scope ends. Its path is short enough for a Unix socket in it. */
export async function temporaryFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "varve-test-"));
  scope.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/**
 * A scope in a scope: what it is given to clean up is done last in, first out, and each of them even where another
 * fails. (`node:test` itself keeps the order of registration, so a folder would go before the server that uses it.)
 */
export function stacked(scope: Scope): Scope {
  const stack = new AsyncDisposableStack();
  scope.after(() => stack.disposeAsync());
  return { after: (cleanup) => stack.defer(cleanup) };
}
