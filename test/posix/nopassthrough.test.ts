/** All data passes through the daemon, as it does for users without root and before Linux 6.9. */
process.env['CFS_TEST_MOUNT_OPTIONS'] = 'nopassthrough';
await import('./all.ts');

export {};
