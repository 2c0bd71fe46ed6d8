import { below, type Random } from '#base';
import { type OperationName, operationNames, type Step } from '../model/plan.ts';

const names = ['a', 'b', 'c', 'd', '\xff\xfe'];
const inlineLimitBytes = 16_384;
/** What an application does most; the rest is drawn from all operations. */
const common: OperationName[] = ['create', 'create', 'mkdir', 'write', 'write', 'write', 'rename', 'unlink', 'fsync'];

/** A step as `plan.ts` draws them, from a world's own randomness. */
export function randomStep(random: Random): Step {
  const pick = (): number => below(random, 1000);
  const of = <T>(choices: readonly T[]): T => choices[below(random, choices.length)]!;
  const offset = (): number =>
    [below(random, 20), inlineLimitBytes - 10 + below(random, 20), below(random, 40_000)][below(random, 3)]!;
  return {
    operation: below(random, 2) === 0 ? of(common) : of(operationNames),
    directory: pick(),
    otherDirectory: pick(),
    node: pick(),
    handle: pick(),
    otherHandle: pick(),
    name: of(names),
    otherName: of(names),
    offset: offset(),
    otherOffset: offset(),
    length: 1 + below(random, [20, 17_000][below(random, 2)]!),
    variant: below(random, 64),
    user: below(random, 3),
  };
}
