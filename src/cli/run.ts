/** Commander calls an action with the arguments and then the options and itself; the exit code is kept for the end. */
export function run<A extends unknown[]>(
  action: (...args: A) => number | Promise<number>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    process.exitCode = await action(...(args.slice(0, -1) as A));
  };
}
