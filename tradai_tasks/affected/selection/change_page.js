"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const WIDTH = 230, GAP = 70, ROW = 32, MOST = 400, FEW = 40;
const parentOf = (path) => (path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "(top)");
// nodes: folders hold packages, packages hold the files of the chains
const nodes = new Map();
const add = (id, kind, name, up, hit, words) =>
  nodes.set(id, { id, kind, name, up, hit, words: words.toLowerCase(), inner: 0, hits: 0 });
const into = (up, hit) => {
  const one = nodes.get(up);
  one.inner += 1;
  one.hits += hit;
  one.hit ||= hit;
  return up;
};
const folder = (name) => {
  if (!nodes.has("d" + name)) add("d" + name, "folder", name, null, false, "");
  return "d" + name;
};
data.packages.forEach((one, place) => {
  const up = into(folder(parentOf(one.path)), one.affected);
  add("p" + place, "package", one.name, up, one.affected, one.name + "\n" + one.path);
});
data.steps.forEach(([text, , home], place) => {
  // a file of no package lies in the topmost folder
  const top = text.includes("/") ? text.slice(0, text.indexOf("/")) + "/" : "(top)";
  add("f" + place, "file", text, into(home < 0 ? folder(top) : "p" + home, true), true, text);
});
// as they are drawn: a folder before its packages, a package before its files
const order = [];
const inner = new Map();
for (const one of nodes.values()) inner.set(one.up, (inner.get(one.up) || []).concat(one));
const enter = (one) => { order.push(one); (inner.get(one.id) || []).forEach(enter); };
inner.get(null)?.forEach(enter);
// arrows: [from, to, whether of a chain]
const arrows = data.uses.map(([user, used]) => ["p" + used, "p" + user, false]);
data.steps.forEach(([, before], place) => {
  if (before >= 0) arrows.push(["f" + before, "f" + place, true]);
});
const open = new Set();
const isLarge = data.packages.length > FEW;
let chosen = null, sought = "";
at("only").checked = isLarge && data.packages.some((one) => one.affected);

function fold(all) {
  open.clear();
  if (!all) for (const one of nodes.values()) if (one.kind !== "file") open.add(one.id);
}

function isMatch(one) {
  return sought !== "" && one.kind !== "folder" && one.words.includes(sought);
}

function shown() {
  const found = [];
  const wanted = new Set();
  if (sought) {
    for (const one of nodes.values()) {
      if (isMatch(one)) for (let up = one; up; up = nodes.get(up.up)) wanted.add(up.id);
    }
  }
  for (const one of order) {
    const up = nodes.get(one.up);
    const isIn = sought ? wanted.has(one.id) : !at("only").checked || one.hit;
    const isOpen = sought ? true : (!up || open.has(up.id)) && (!up?.up || open.has(up.up));
    if (isIn && isOpen && !(sought && one.kind === "folder")) found.push(one);
  }
  return found;
}

function columns(list, links) {
  const into = new Map(list.map((one) => [one.id, 0]));
  const out = new Map(list.map((one) => [one.id, []]));
  for (const [from, to] of links.values()) {
    out.get(from).push(to);
    into.set(to, into.get(to) + 1);
  }
  const column = new Map();
  const rest = new Set(into.keys());
  let ready = list.filter((one) => !into.get(one.id)).map((one) => one.id);
  while (rest.size) {
    if (!ready.length) ready = [rest.values().next().value]; // a circle: begin anywhere
    const id = ready.shift();
    if (!rest.delete(id)) continue;
    column.set(id, column.get(id) || 0);
    for (const to of out.get(id)) {
      if (!rest.has(to)) continue;
      column.set(to, Math.max(column.get(to) || 0, column.get(id) + 1));
      into.set(to, into.get(to) - 1);
      if (!into.get(to)) ready.push(to);
    }
  }
  return column;
}

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const shorten = (text) => (text.length > 29 ? "…" + text.slice(-28) : text);

function label(one) {
  if (one.kind === "file") return shorten(one.name.replace(/ \(.*/, "").replace(/^.*\//, ""));
  const mark = one.inner ? (open.has(one.id) ? "− " : "+ ") : "";
  const count = one.kind === "folder" ? ` (${one.hits} of ${one.inner})` : "";
  return mark + shorten(one.name + count);
}

function draw() {
  const all = shown();
  const list = all.slice(0, MOST);
  const here = new Set(list.map((one) => one.id));
  const lifted = (id) => {
    for (let one = nodes.get(id); one; one = nodes.get(one.up))
      if (here.has(one.id)) return one.kind === "folder" && open.has(one.id) ? null : one.id;
    return null;
  };
  const links = new Map();
  for (const [from, to, isChain] of arrows) {
    const a = lifted(from), b = lifted(to);
    if (a && b && a !== b) {
      const key = a + "\n" + b;
      links.set(key, [a, b, isChain || links.get(key)?.[2] || false]);
    }
  }
  // an open package stands before its files
  for (const one of list) if (one.kind === "file" && here.has(one.up))
    links.set(one.up + "\n" + one.id, [one.up, one.id, false]);
  const column = columns(list, links);
  const rows = [];
  const place = new Map();
  for (const one of list) {
    const x = column.get(one.id);
    rows[x] = (rows[x] || 0) + 1;
    place.set(one.id, [10 + x * (WIDTH + GAP), 10 + (rows[x] - 1) * ROW]);
  }
  const width = 20 + rows.length * (WIDTH + GAP);
  const height = 20 + Math.max(1, ...Array.from(rows, (count) => count || 0)) * ROW;
  const svg = element("svg", { width, height, role: "group", "aria-label": "packages and files" });
  for (const [a, b, isChain] of links.values()) {
    const [x, y] = place.get(a), [u, v] = place.get(b);
    const [from, to] = [[x + WIDTH, y + 11], [u, v + 11]];
    const d = `M${from} C${from[0] + GAP / 2},${from[1]} ${to[0] - GAP / 2},${to[1]} ${to}`;
    svg.append(element("path", { d, class: isChain ? "chain" : "uses" }));
  }
  for (const one of list) {
    const [x, y] = place.get(one.id);
    const type = [one.kind, one.hit && "hit", one.id === chosen && "chosen"].filter(Boolean).join(" ");
    const group = element("g", {
      class: type, tabindex: 0, role: "button", "data-id": one.id, transform: `translate(${x},${y})`,
    });
    if (one.kind !== "file") group.setAttribute("aria-expanded", open.has(one.id));
    group.append(element("title", {}, one.name));
    group.append(element("rect", { width: WIDTH, height: 22 }));
    group.append(element("text", { x: 8, y: 15 }, label(one)));
    svg.append(group);
  }
  at("graph").replaceChildren(svg);
  const left = all.length - list.length;
  at("found").textContent =
    (sought ? `${all.filter(isMatch).length} found` : `${all.length} shown`) +
    (left ? `; ${left} are not drawn: search for them` : "") +
    (data.left ? `; ${data.left} further files that the change reaches are left out` : "");
}

function steps(last) {
  const found = [];
  for (let place = last; place >= 0; place = data.steps[place][1]) found.unshift(data.steps[place][0]);
  return found;
}

function list(title, texts, kind) {
  const head = document.createElement("h3");
  head.textContent = title;
  const made = document.createElement(kind);
  for (const text of texts) made.appendChild(document.createElement("li")).textContent = text;
  return texts.length ? [head, made] : [];
}

function tell(one) {
  const head = document.createElement("h2");
  head.textContent = one.name;
  const more = [];
  if (one.kind === "package") {
    const item = data.packages[Number(one.id.slice(1))];
    const why = item.reasons.map((place) => data.reasons[place])
      .concat(item.affected ? data.everything : []);
    const about = document.createElement("p");
    about.textContent = `${item.kind} in ${item.path}, ${item.affected ? "affected" : "not affected"}`;
    more.push(about, ...list("Chain", steps(item.chain), "ol"));
    more.push(...list("Because of", why, "ul"), ...list("Runs", item.sessions, "ul"));
  } else if (one.kind === "file") {
    more.push(...list("Chain", steps(Number(one.id.slice(1))), "ol"));
  }
  at("panel").replaceChildren(head, ...more);
}

function press(id) {
  const one = nodes.get(id);
  chosen = id;
  if (one.kind !== "file" && !open.delete(id)) open.add(id);
  tell(one);
  draw();
  document.querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus();
}

function seek() {
  sought = at("search").value.trim().toLowerCase();
  for (const row of document.querySelectorAll("tbody tr"))
    row.hidden = sought !== "" && !row.textContent.toLowerCase().includes(sought);
  draw();
}

at("graph").addEventListener("click", (event) => {
  const group = event.target.closest("g");
  if (group) press(group.dataset.id);
});
at("graph").addEventListener("keydown", (event) => {
  const group = event.target.closest("g");
  if (group && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    press(group.dataset.id);
  }
});
at("search").addEventListener("input", seek);
at("search").addEventListener("keydown", (event) => {
  const first = shown().find(isMatch);
  if (event.key === "Enter" && first) press(first.id);
});
at("only").addEventListener("change", draw);
at("fold").addEventListener("click", () => { fold(true); draw(); });
at("unfold").addEventListener("click", () => { fold(false); draw(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== at("search")) {
    event.preventDefault();
    at("search").focus();
  } else if (event.key === "Escape") {
    at("search").value = "";
    seek();
  }
});
// small graphs begin with all packages, each folded; large ones with their folders
if (!isLarge) for (const one of nodes.values()) if (one.kind === "folder") open.add(one.id);
at("view").hidden = false;
draw();
