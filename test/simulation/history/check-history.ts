import { fileModel, registerModel } from './file-model.ts';
import type { History, Operation } from './history.ts';
import { findViolation, TooManyOrders } from './linearizable.ts';
import { type NamesFacts, NamesModel } from './names-model.ts';

/** What in a history is not linearizable, if anything: each object for itself, which is enough (Herlihy and Wing). */
export function findStrictViolation(history: History, facts: NamesFacts): string | undefined {
  return checkStrictly(history, facts).violation;
}

/** The same, and on how many objects so much is in doubt that nothing can be said. */
export function checkStrictly(history: History, facts: NamesFacts): { violation: string | undefined; unknown: number } {
  let unknown = 0;
  for (const [object, operations] of history.byObject()) {
    try {
      const violation = checkObject(object, operations, facts);
      if (violation !== undefined) return { violation, unknown };
    } catch (error) {
      if (!(error instanceof TooManyOrders)) throw error;
      unknown += 1;
    }
  }
  return { violation: undefined, unknown };
}

function checkObject(object: string, operations: readonly Operation[], facts: NamesFacts): string | undefined {
  const [kind, ino] = object.split(' ');
  switch (kind) {
    case 'names':
      return findViolation(withoutOwnWindows(operations), new NamesModel(facts));
    case 'file':
      return findViolation(operations, fileModel);
    case 'mode':
      return findViolation(operations, registerModel(facts.directories.has(Number(ino)) ? '755' : '644'));
    case 'xattr':
      return findViolation(operations, registerModel(''));
    default:
      throw new Error(`no model of ${object}`);
  }
}

/**
 * Known broken (docs/plan.md): while a change of a client's own is under way, its kernel goes on to answer from the names
 * that it had, though others may see the change already. That matters where the answer is long in coming.
 */
function withoutOwnWindows(operations: readonly Operation[]): readonly Operation[] {
  const changes = operations.filter(
    ({ input, hasCrossedCrash }) => hasCrossedCrash === true && input.kind !== 'lookup',
  );
  if (changes.length === 0) return operations;
  const isInWindow = ({ client, began, input }: Operation): boolean =>
    (input.kind === 'lookup' || input.kind === 'links') &&
    changes.some((change) => change.client === client && change.began < began && began < change.ended);
  return operations.filter((each) => !isInWindow(each));
}
