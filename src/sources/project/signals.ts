/**
 * How a container's Node.js ends when it is told to. Linux lets the first process of a container ignore each signal that it has no
 * handler for, so a server without one would be killed after ten seconds (`docker stop`), and a tool in a terminal
 * couldn't be interrupted. `docker run --init` mends that for those who know; an image can't ask for it.
 */

/** Ends the first process as any other would end, unless it has a handler of its own. Without a space, as an option is. */
const CODE =
  "if(process.pid===1)for(const[s,c]of[['SIGTERM',143],['SIGINT',130]])process.on(s,()=>process.listenerCount(s)===1&&process.exit(c))";

/** An option for `NODE_OPTIONS`. */
export const ENDS_ON_SIGNALS = `--import=data:text/javascript,${CODE}`;

/** Older lines of Node.js don't take the option, and wouldn't start. */
const FIRST_LINE = 20;

/** Whether a line of Node.js takes {@link ENDS_ON_SIGNALS}; an unknown one may not. */
export function takesImports(major: number | undefined): boolean {
  return major !== undefined && major >= FIRST_LINE;
}

/** A setting as people read it. */
export function shortened(setting: string): string {
  return setting.replace(ENDS_ON_SIGNALS, "--import=… (which ends it on SIGTERM and SIGINT)");
}
