import type { Command } from 'commander';
import { type CertIssueOptions, certInit, certIssue, certList, certRevoke } from './cert.ts';
import { parseCount } from './options.ts';
import { run } from './run.ts';

/** Adds `cfs cert` and what it can do. */
export function addCert(cfs: Command): void {
  const cert = cfs
    .command('cert')
    .description('make a certificate authority, and certificates for servers and clients');
  const where = ['--dir <path>', 'the directory of the authority (default: /etc/cfs/pki for root)'] as const;
  cert
    .command('init')
    .description('make a certificate authority')
    .option(...where)
    .option('--name <text>', 'what it calls itself (default: ClaudeFS)')
    .action(run((options: { dir?: string; name?: string }) => certInit(options)));
  cert
    .command('issue')
    .description('make a certificate and its key')
    .requiredOption('--name <name>', 'who it names; exports know a client by it')
    .option(
      '--host <host>',
      'a host name or address of a server, repeatable',
      (host: string, before: string[] = []) => [...before, host],
    )
    .option('--server', 'for a server (default where --host is given)')
    .option('--client', 'for a client')
    .option('--days <count>', 'how long it is valid (default: 365)', (text: string) => parseCount(text, '--days'))
    .option('--out <path>', 'the directory for cert.pem, key.pem and ca.pem (default: NAME in the authority’s)')
    .option(...where)
    .action(run((options: CertIssueOptions) => certIssue(options)));
  cert
    .command('revoke')
    .description('take a certificate back, by the name in it or its serial number')
    .argument('<name>', 'the name, or a serial number')
    .option(...where)
    .action(run((name: string, options: { dir?: string }) => certRevoke(name, options)));
  cert
    .command('list')
    .description('show what was issued')
    .option('--json', 'as an array, one object per certificate')
    .option(...where)
    .action(run((options: { dir?: string; json?: boolean }) => certList(options)));
}
