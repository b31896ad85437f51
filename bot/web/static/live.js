// Takes over what the server sends of a page, changing only what has changed: a selection, the focus and what a
// reader has opened stay. The address stands in the page; none where nothing changes any more. The server ends it
// with status 204. Draws diagrams, from their source, which stands in the page.
const script = document.currentScript;
const main = document.querySelector("main");

const kept = {
  ignoreActiveValue: true,
  callbacks: {
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    beforeNodeMorphed: (old, next) => !old.isEqualNode(next) && !old.dataset?.source,
  },
};

let mermaid;
async function draw() {
  const sources = [...main.querySelectorAll("pre.mermaid:not([data-source])")];
  if (!sources.length) return;
  mermaid ??= new Promise((resolve, reject) => {
    const tag = Object.assign(document.createElement("script"), { src: script.dataset.mermaid, onerror: reject });
    tag.onload = () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      window.mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
      resolve(window.mermaid);
    };
    document.head.append(tag);
  });
  const library = await mermaid;
  for (const [n, source] of sources.entries()) {
    try {
      const { svg } = await library.render(`drawing-${Date.now()}-${n}`, source.textContent);
      source.dataset.source = source.textContent;
      source.innerHTML = svg;
    } catch {
      source.dataset.source = "";  // what cannot be drawn can be read
    }
  }
}

if (main.dataset.events) {
  const events = new EventSource(main.dataset.events);
  events.onmessage = (event) => {
    const log = main.querySelector(".log");
    const atEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    Idiomorph.morph(main, event.data, { morphStyle: "innerHTML", ...kept });
    const grown = main.querySelector(".log");
    if (atEnd && grown) grown.scrollTop = grown.scrollHeight;
    draw();
  };
}
const log = main.querySelector(".log");
if (log) log.scrollTop = log.scrollHeight;
draw();
