// Reads a JSON array of Mermaid texts from stdin; prints the messages of those that mermaid cannot parse.
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

let input = "";
for await (const chunk of process.stdin) input += chunk;
const refused = [];
for (const text of JSON.parse(input)) {
  try {
    await mermaid.parse(text);
  } catch (error) {
    refused.push(`${error.message ?? error}\n${text}`);
  }
}
console.log(JSON.stringify(refused));
