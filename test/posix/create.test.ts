import assert from 'node:assert/strict';
import { fact } from './fact.ts';
fact('smoke', async ({ app }) => { await app.writeFile('a', 'hello'); assert.equal(await app.readText('a'), 'hello'); assert.equal((await app.stat('a')).size, 5); });
