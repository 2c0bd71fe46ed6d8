/** A mount as users get it: passthrough, where kernel and rights allow it. */
await import('./all.ts');

export {};
