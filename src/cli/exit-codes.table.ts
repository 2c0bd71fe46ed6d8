/** How `cfs` ends; the codes of mount(8) and fsck(8) where those have one. */
export const exitCodes = {
  ok: { code: 0, help: 'done' },
  failed: { code: 1, help: 'the command failed; the sentence on standard error says why' },
  usage: { code: 2, help: 'wrong options or arguments' },
  repaired: { code: 1, help: 'fsck: contradictions were found and mended' },
  unrepaired: { code: 4, help: 'fsck: contradictions were found and are still there' },
  notChecked: { code: 8, help: 'fsck: the store could not be checked' },
} as const;
