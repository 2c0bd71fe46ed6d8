/** A mount of a server, in strict mode. */
process.env['CFS_TEST_CLUSTER'] = '1';
await import('./all.ts');

export {};
