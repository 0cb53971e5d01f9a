/** The code blocks of a document, in the order in which they stand. */
import { readFile } from 'node:fs/promises';

const FENCE = /^```(\w*)$/;
/** What a comment before a block says to the test: `not run: REASON`, `needs: COMMAND`, `keeps running`. */
const DIRECTIVE = /^<!-- (not run|needs|keeps running)(?:: (.*))? -->$/;
/** The first line of a block that is a file, or more of one. */
const FILE = /^(?:\/\/|#) ([\w./%[\]-]+\.\w+)(, more of it)?$/;

export async function blocksOf(path) {
  const blocks = [];
  let directive = null;
  let open = null;
  for (const [index, line] of (await readFile(path, 'utf8')).split('\n').entries()) {
    if (open !== null) {
      if (line === '```') {
        blocks.push(finished(open));
        open = null;
      } else {
        open.lines.push(line);
      }
    } else if (FENCE.test(line)) {
      open = { language: line.match(FENCE)[1], directive, lines: [], where: `${path}:${index + 1}` };
      directive = null;
    } else if (DIRECTIVE.test(line)) {
      const [, word, rest] = line.match(DIRECTIVE);
      directive = { word, rest };
    } else if (line.trim() !== '') {
      directive = null;
    }
  }
  return blocks;
}

function finished({ lines, ...block }) {
  const [, file, more] = lines[0]?.match(FILE) ?? [];
  return { ...block, text: `${lines.join('\n')}\n`, file, more: more !== undefined };
}
