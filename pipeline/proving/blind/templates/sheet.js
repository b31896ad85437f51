"use strict";
// Everything that others wrote reaches the page as text: textContent and Option, never markup.
const data = JSON.parse(document.getElementById("data").textContent);
const letters = Object.keys(data.repositories);
const sources = Object.fromEntries(letters.map((letter) => [letter, data.repositories[letter].files]));
if (data.text) sources.Paper = { "paper.md": data.text };
const form = document.getElementById("answers");
const said = document.getElementById("said");
const begun = Date.now();
const place = `paper2code.sheet.${data.sheet}`;

function pane(side, first) {
  const root = document.getElementById(side);
  const [repository, file, numbers, code, source] = ["repository", "file", "numbers", "code", "source"].map((name) =>
    root.querySelector(`.${name}`));
  repository.replaceChildren(...Object.keys(sources).map((name) => new Option(name)));

  function show() {
    const text = sources[repository.value][file.value] ?? "";
    code.textContent = text;
    numbers.textContent = Array.from({ length: text.split("\n").length }, (_, n) => n + 1).join("\n");
    root.classList.toggle("prose", /\.(md|txt|rst)$/i.test(file.value));
    source.scrollTo(0, 0);
  }
  function open(name) {
    if (!(name in sources)) return;
    const before = file.value;
    repository.value = name;
    const paths = Object.keys(sources[name]);
    file.replaceChildren(...paths.map((path) => new Option(path, path)));
    file.value = [before, "README.md", paths[0]].find((path) => paths.includes(path));
    show();
  }
  function step(by) {
    file.selectedIndex = (file.selectedIndex + by + file.length) % file.length;
    show();
  }
  repository.addEventListener("change", () => open(repository.value));
  file.addEventListener("change", show);
  root.querySelector(".back").addEventListener("click", () => step(-1));
  root.querySelector(".on").addEventListener("click", () => step(1));
  open(first);
  return { open, step };
}

const left = pane("left", letters[0]);
const right = pane("right", letters[1] ?? letters[0]);

function value(field) {
  if (field.type === "checkbox") return field.checked;
  const number = /\.(rank|score)$|^confidence$/.test(field.name);
  return field.value === "" ? null : number ? Number(field.value) : field.value;
}

function answers() {
  const given = Object.fromEntries([...form.elements].filter((field) => field.name).map((field) => [field.name, value(field)]));
  const under = (prefix) => Object.fromEntries(Object.entries(given)
    .filter(([name]) => name.startsWith(prefix)).map(([name, answer]) => [name.slice(prefix.length), answer]));
  return {
    form: "paper2code rating", version: 1, sheet: data.sheet, paper: data.paper,
    rater: given.rater ?? "", familiarity: given.familiarity, saved: new Date().toISOString(),
    seconds: Math.round((Date.now() - begun) / 1000),
    repositories: Object.fromEntries(letters.map((letter) => [letter, under(`${letter}.`)])),
    confidence: given.confidence, easier: given.easier, comment: given.comment ?? "",
    why: Object.entries(under("why.")).filter(([, ticked]) => ticked).map(([name]) => name),
  };
}

function keep() {
  const state = Object.fromEntries([...form.elements].filter((field) => field.name)
    .map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
  try {
    localStorage.setItem(place, JSON.stringify(state));
    said.textContent = "Kept in this browser; not saved as a file yet.";
  } catch {
    said.textContent = "This browser keeps nothing: save before you leave the page.";
  }
}

function restore() {
  let state = null;
  try {
    state = JSON.parse(localStorage.getItem(place));
  } catch { /* a browser that keeps nothing has nothing to bring back */ }
  for (const field of form.elements) {
    if (!state || !(field.name in state)) continue;
    if (field.type === "checkbox") field.checked = state[field.name] === true;
    else field.value = state[field.name];
  }
  if (state) said.textContent = "Your answers of last time are here again.";
}

function save() {
  const told = answers();
  const open = letters.filter((letter) => told.repositories[letter].rank === null);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(told, null, 1)}\n`], { type: "application/json" }));
  const who = told.rater.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 40);
  link.download = ["rating", data.sheet, who].filter(Boolean).join("-") + ".json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  said.textContent = `Saved as ${link.download}.` + (open.length ? ` Without a rank: ${open.join(", ")}.` : "");
}

form.addEventListener("input", keep);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  const digit = /^Digit([1-9])$/.exec(event.code);
  const questions = document.getElementById("questions");
  const keys = {
    j: () => left.step(1), k: () => left.step(-1), J: () => right.step(1), K: () => right.step(-1),
    p: () => left.open("Paper"), s: save, r: () => { questions.scrollIntoView(); questions.focus(); },
  };
  if (digit) (event.altKey ? right : left).open(letters[digit[1] - 1]);
  else if (!event.altKey && keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});
restore();
