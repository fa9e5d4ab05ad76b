"use strict";
(() => {
const payloads = new Map();
for (const script of document.querySelectorAll("script.payload")) payloads.set(script.dataset.run, JSON.parse(script.textContent));
const dialog = document.getElementById("clips");
const dash = "\u2013";
const fixed = value => Number.isFinite(value) ? value.toFixed(3) : dash;
const percent = value => Number.isFinite(value) ? Math.round(100 * value) + "\u00a0%" : dash;
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Clips: those that the page holds are cards somewhere in it; a copy is shown.
function card(run, number) {
  const original = number > 0 && document.getElementById(run + "-clip-" + number);
  if (!original) return null;
  const copy = original.cloneNode(true);
  copy.removeAttribute("id");
  return copy;
}
const MOST = 200;
function show(title, run, of, clips, describe) {
  dialog.querySelector("h2").textContent = title;
  const body = dialog.querySelector(".body");
  body.replaceChildren();
  const cards = make("div", { class: "sounds" });
  const table = make("tbody");
  for (const i of clips.slice(0, MOST)) {
    const copy = card(run, of.number[i]);
    if (copy) cards.append(copy);
    else table.append(make("tr", {}, make("th", { scope: "row" }, of.place[i]), make("td", {}, describe(i))));
  }
  if (cards.children.length) body.append(cards);
  if (table.children.length) {
    const caption = make("caption", {}, cards.children.length ? "Further clips, whose sounds are not in this file" : "The sounds of these clips are not in this file");
    const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Clip"), make("th", { scope: "col" }, "Answer")));
    body.append(make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Clips without sounds" }, make("table", {}, caption, head, table)));
  }
  if (clips.length > MOST) body.append(make("p", {}, "Shown are " + MOST + " of " + clips.length + " clips."));
  dialog.showModal();
}
if (dialog) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { for (const audio of dialog.querySelectorAll("audio")) audio.pause(); });
}
// One sound at a time.
document.addEventListener("play", event => {
  for (const audio of document.querySelectorAll("audio")) if (audio !== event.target) audio.pause();
}, true);

function answer(of, i) {
  const k = of.predicted[i];
  const p = of.outlier_p[i] < 0 ? "" : ", p-value " + (of.outlier_p[i] / 1e6).toFixed(3);
  return (k < 0 ? dash : of.classes[k] + " " + percent(of.p[i][k] / 1e6)) + p + (of.group[i] ? ", group " + of.group[i] : "");
}
for (const button of document.querySelectorAll("button.cell")) {
  const { run, evaluation, truth, predicted } = button.dataset;
  const of = payloads.get(run).evaluations[evaluation];
  const names = of.classes[truth] + " classified as " + of.classes[predicted];
  button.prepend(make("span", { class: "hidden" }, names + ": "));
  button.addEventListener("click", () => {
    const clips = [...of.class.keys()].filter(i => of.class[i] === +truth && of.predicted[i] === +predicted);
    clips.sort((a, b) => of.p[b][predicted] - of.p[a][predicted]);
    show(names, run, of, clips, i => answer(of, i));
  });
}

// Thresholds: precision, recall, confusion and rejected sounds move together.
function decide(of, i, which, threshold, alpha) {
  if (alpha > 0 && of.outlier_p[i] >= 0 && of.outlier_p[i] <= alpha) return -2; // neither
  const p = of.p[i], best = of.predicted[i];
  if (which < 0) return p[best] >= threshold ? best : -1; // unsure
  let other = -1;
  for (let k = 0; k < p.length; k++) if (k !== which && (other < 0 || p[k] > p[other])) other = k;
  if (other < 0) return which;
  if (threshold === 500000) return best;
  // With two classes this is the probability itself.
  return 1e6 * p[which] >= threshold * (p[which] + p[other]) && p[which] > 0 ? which : other;
}
function tally(of, which, threshold, alpha) {
  const n = of.classes.length;
  const rows = of.classes.map(() => new Array(n + 2).fill(0)), sets = new Map();
  for (let i = 0; i < of.class.length; i++) {
    const k = decide(of, i, which, threshold, alpha), column = k >= 0 ? k : k === -1 ? n : n + 1;
    if (of.class[i] >= 0) { rows[of.class[i]][column]++; continue; }
    const name = of.set[i] || of.truth[i] || "unknown sounds";
    if (!sets.has(name)) sets.set(name, new Array(n + 2).fill(0));
    sets.get(name)[column]++;
  }
  return { rows, sets };
}
const sum = values => values.reduce((a, b) => a + b, 0);
for (const tool of document.querySelectorAll(".threshold")) {
  const of = payloads.get(tool.dataset.run).evaluations[tool.dataset.evaluation];
  const n = of.classes.length, many = n > 12;
  const [select, probability, alpha] = [".of", ".probability", ".alpha"].map(name => tool.querySelector(name));
  const box = tool.querySelector(".scroll"), result = tool.querySelector(".result");
  const update = () => {
    const threshold = Math.round(1e6 * probability.value), limit = alpha ? Math.round(1e6 * alpha.value) : 0;
    probability.nextElementSibling.value = (+probability.value).toFixed(2);
    if (alpha) alpha.nextElementSibling.value = limit > 0 ? (+alpha.value).toFixed(3) : "off";
    const which = +select.value;
    const { rows, sets } = tally(of, which, threshold, limit);
    const totals = rows.map(sum), right = sum(rows.map((row, k) => row[k]));
    const recalls = rows.map((row, k) => row[k] / totals[k]);
    const precisions = rows.map((_, k) => rows[k][k] / sum(rows.map(row => row[k])));
    const known = recalls.filter(Number.isFinite);
    const answered = sum(rows.map(row => sum(row.slice(0, n))));
    const total = sum(totals), rejected = sum(rows.map(row => row[n + 1])), unsure = sum(rows.map(row => row[n]));
    const unknown = [...sets.values()], unknownTotal = sum(unknown.map(sum)), unknownOut = sum(unknown.map(row => row[n] + row[n + 1]));
    result.textContent = "Balanced accuracy " + fixed(sum(known) / known.length) + ", accuracy " + fixed(right / total) +
      "; " + answered + " of " + total + " known clips get a class (" + unsure + " unsure, " + rejected + " neither)" +
      (unknownTotal ? "; of " + unknownTotal + " unknown sounds " + unknownOut + " (" + percent(unknownOut / unknownTotal) + ") get none." : ".");
    const columns = many ? ["a class", "unsure", "neither"] : [...of.classes, "unsure", "neither"];
    const cells = row => (many ? [sum(row.slice(0, n)), row[n], row[n + 1]] : row).map(count => make("td", { class: "number" }, String(count)));
    const body = rows.map((row, k) => make("tr", { "data-class": of.classes[k] }, make("th", { scope: "row" }, of.classes[k]), ...cells(row),
      make("td", { class: "number recall" }, fixed(recalls[k])), make("td", { class: "number precision" }, fixed(precisions[k]))));
    for (const [name, row] of sets) {
      const share = "not given a class: " + percent((row[n] + row[n + 1]) / sum(row));
      body.push(make("tr", { "data-set": name }, make("th", { scope: "row" }, name), ...cells(row), make("td", { colspan: "2", class: "rejected" }, share)));
    }
    const head = ["True class", ...columns, "Recall", "Precision"].map((name, k) => make("th", { scope: "col", class: k ? "number" : "" }, name));
    const caption = make("caption", {}, "Clips by answer at these thresholds; precision is among known sounds");
    box.replaceChildren(make("table", {}, caption, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)));
    Object.assign(tool.dataset, { balancedAccuracy: sum(known) / known.length, accuracy: right / total });
  };
  // Where every clip gets its most probable class: of two classes it has at least one half, of more it may have less.
  const start = () => { probability.value = +select.value < 0 && n > 2 ? 0 : 0.5; update(); };
  select.addEventListener("input", start);
  for (const control of [probability, alpha]) if (control) control.addEventListener("input", update);
  tool.hidden = false;
  start();
}

// The map: points are circles (known) and crosses (unknown) of an SVG, whose view box zooms and moves.
const SVG = "http://www.w3.org/2000/svg", MOST_COLORS = 8;
function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
for (const tool of document.querySelectorAll(".map")) {
  const run = tool.dataset.run, map = payloads.get(run).map, n = map.place.length;
  const [planes, colors, legend, box, chosen] = [".plane", ".color", ".legend", ".plane-box", ".chosen"].map(name => tool.querySelector(name));
  const right = i => map.known[i] ? (map.label[i] === map.predicted[i] ? "right" : "wrong") : "unknown sound";
  const value = {
    label: i => map.label[i] || "no label", predicted: i => map.predicted[i], right,
    known: i => map.known[i] ? "known" : "unknown", split: i => map.split[i] || "no split", group: i => map.group[i] || "no group",
  };
  const svg = draw("svg", { class: "points", tabindex: "0", role: "application", "aria-label": "Map of " + n + " clips: the arrow keys go from point to point, Enter plays the clip" });
  box.append(svg);
  let view = null, at = -1, x = [], y = [], points = [];
  const W = 1000, H = 640, pad = 30;
  const setView = () => {
    svg.setAttribute("viewBox", view.join(" "));
    // Of the same size on the screen, whatever the zoom.
    const width = svg.clientWidth || W, r = (width < 600 ? 3.5 : 5.5) * view[2] / width;
    for (const point of points) {
      if (point.tagName === "circle") point.setAttribute("r", r);
      else point.setAttribute("transform", `translate(${x[point.dataset.i]} ${y[point.dataset.i]}) scale(${r})`);
    }
  };
  const place = () => {
    const plane = map.planes[planes.value];
    const range = values => { let low = Infinity, high = -Infinity; for (const v of values) { if (v < low) low = v; if (v > high) high = v; } return [low, high]; };
    const [x0, x1] = range(plane.x), [y0, y1] = range(plane.y);
    x = plane.x.map(v => pad + (W - 2 * pad) * (v - x0) / (x1 - x0 || 1));
    y = plane.y.map(v => H - pad - (H - 2 * pad) * (v - y0) / (y1 - y0 || 1));
    svg.replaceChildren();
    points = [];
    // Unknown sounds below, errors on top.
    const layer = i => ["unknown sound", "right", "wrong"].indexOf(right(i));
    const order = [...x.keys()].sort((a, b) => layer(a) - layer(b));
    for (const i of order) {
      const point = map.known[i] ? draw("circle", { cx: x[i], cy: y[i] })
        : draw("path", { d: "M-.8 -.8L.8 .8M-.8 .8L.8 -.8", "vector-effect": "non-scaling-stroke" });
      point.dataset.i = i;
      points.push(point);
      svg.append(point);
    }
    view = [0, 0, W, H];
    setView();
    paint();
  };
  const paint = () => {
    const of = value[colors.value], counts = new Map();
    for (let i = 0; i < n; i++) counts.set(of(i), (counts.get(of(i)) || 0) + 1);
    const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
    const shown = names.length > MOST_COLORS ? names.slice(0, MOST_COLORS - 1) : names;
    // Errors in the warm color, in front of gray unknown sounds.
    const ofRight = { right: 1, wrong: 2, "unknown sound": MOST_COLORS };
    const number = new Map(shown.map((name, k) => [name, colors.value === "right" ? ofRight[name] : k + 1]));
    for (const point of points) point.setAttribute("class", "k" + (number.get(of(+point.dataset.i)) || MOST_COLORS));
    const item = (name, k, count) => make("span", { role: "listitem" }, make("i", { class: "k" + k }), `${name} (${count})`);
    const items = shown.map(name => item(name, number.get(name), counts.get(name)));
    const rest = names.slice(shown.length);
    if (rest.length) items.push(item(rest.length + " others", MOST_COLORS, sum(rest.map(name => counts.get(name)))));
    legend.replaceChildren(...items);
    mark();
  };
  const mark = () => {
    svg.querySelector(".mark")?.remove();
    if (at >= 0) svg.append(draw("circle", { class: "mark", cx: x[at], cy: y[at], r: 11 * view[2] / svg.clientWidth, "stroke-width": 3 * view[2] / svg.clientWidth }));
  };
  const choose = (i, play) => {
    at = i;
    mark();
    const known = [map.label[i] && "labeled " + map.label[i], "classified as " + map.predicted[i], map.split[i] && "split " + map.split[i], map.group[i] && "group " + map.group[i]];
    const copy = card(run, map.number[i]);
    chosen.replaceChildren(make("p", {}, make("b", {}, map.place[i]), ": " + known.filter(Boolean).join(", ") + (copy ? "." : ". Its sound is not in this file.")));
    if (copy) {
      chosen.append(copy);
      const audio = copy.querySelector("audio");
      if (play && audio) audio.play().catch(() => {});
    }
  };
  const zoom = (factor, cx, cy) => {
    const width = Math.min(W, Math.max(W / 200, view[2] * factor)), scale = width / view[2];
    view = [cx - (cx - view[0]) * scale, cy - (cy - view[1]) * scale, width, view[3] * scale];
    if (width === W) view = [0, 0, W, H];
    setView();
    mark();
  };
  const middle = () => [view[0] + view[2] / 2, view[1] + view[3] / 2];
  const point = event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [at.x, at.y];
  };
  // The nearest point within a finger's width.
  const nearest = (px, py, most) => {
    let best = -1, least = most * most;
    for (let i = 0; i < n; i++) {
      const d = (x[i] - px) ** 2 + (y[i] - py) ** 2;
      if (d < least) [best, least] = [i, d];
    }
    return best;
  };
  tool.querySelector(".in").addEventListener("click", () => zoom(0.6, ...(at >= 0 ? [x[at], y[at]] : middle())));
  tool.querySelector(".out").addEventListener("click", () => zoom(1 / 0.6, ...middle()));
  tool.querySelector(".reset").addEventListener("click", () => { view = [0, 0, W, H]; setView(); mark(); });
  svg.addEventListener("wheel", event => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 0.8 : 1.25, ...point(event));
  }, { passive: false });
  let from = null, moved = false;
  svg.addEventListener("pointerdown", event => { from = [event.clientX, event.clientY, ...view]; moved = false; });
  svg.addEventListener("pointermove", event => {
    if (!from || !event.buttons) return;
    const scale = view[2] / svg.clientWidth, dx = event.clientX - from[0], dy = event.clientY - from[1];
    if (Math.abs(dx) + Math.abs(dy) < 5) return;
    moved = true;
    view = [from[2] - dx * scale, from[3] - dy * scale, view[2], view[3]];
    setView();
    mark();
  });
  svg.addEventListener("click", event => {
    if (moved) return;
    const i = nearest(...point(event), 18 * view[2] / svg.clientWidth);
    if (i >= 0) choose(i, true);
  });
  const toward = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (at >= 0) choose(at, true);
      return;
    }
    const step = toward[event.key];
    if (!step) return;
    event.preventDefault();
    if (at < 0) { choose(nearest(...middle(), Infinity), false); return; }
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i++) {
      const dx = x[i] - x[at], dy = y[i] - y[at], along = dx * step[0] + dy * step[1], across = Math.abs(dx * step[1]) + Math.abs(dy * step[0]);
      if (along <= 0 || across > along) continue;
      const d = along + 2 * across;
      if (d < least) [best, least] = [i, d];
    }
    if (best >= 0) choose(best, false);
  });
  planes.addEventListener("change", place);
  colors.addEventListener("change", paint);
  tool.hidden = false;
  place();
  addEventListener("resize", () => { setView(); mark(); });
}
})();
