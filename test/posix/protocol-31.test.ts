/** The kernel protocol of Linux 5.4: what came later is masked out of what the kernel offers. */
process.env['CFS_TEST_MOUNT_OPTIONS'] = 'protocol=7.31';
await import('./all.ts');

export {};
