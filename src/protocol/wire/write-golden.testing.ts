/** Freezes the messages anew: writes `golden/messages.txt`. For a message that is new, or has got a field more. */
import { writeFileSync } from 'node:fs';
import { goldenPath, goldenText } from './golden.testing.ts';

writeFileSync(goldenPath, goldenText());
