// The queue of detections to review: their order, where one is, answers and undo. Knows no page; reviewer.js shows it.
//
// An item is { id, path, start, end, channel, label, score, outlier_p }; an answer is a row of the review CSV (csv.js).
const Queue = (() => {
  "use strict";
  const NEITHER = "neither", UNSURE = "unsure";
  const ORDERS = [
    ["spread", "Random, spread over the scores"],
    ["random", "Random"],
    ["uncertain", "Least certain first"],
    ["score", "Highest score first"],
    ["class", "By class, highest score first"],
  ];
  // Orders whose first answers are a fair sample.
  const FAIR = ["spread", "random"];
  // Equal parts of the detections of a label, by score.
  const STRATA = 5;
  const key = of => [of.path, of.start, of.end, of.channel ?? ""].join("\n");

  // Numbers from 0 to 1 that depend on the seed alone, so that a random order is the same when the page is opened again.
  function randoms(seed) {
    let state = seed >>> 0;
    return () => {
      state = state + 0x6d2b79f5 >>> 0;
      let x = Math.imul(state ^ state >>> 15, state | 1);
      x ^= x + Math.imul(x ^ x >>> 7, x | 61);
      return ((x ^ x >>> 14) >>> 0) / 4294967296;
    };
  }

  // In a random order in which the detections of each label that come first are spread evenly over its scores: they are cut by score into
  // equal parts, and each part into as many equal steps as it has detections, with one at a random place of each step. The same as
  // crates/pipeline/src/review/order.rs. `shuffled` are items in a random order.
  function spread(shuffled, score, next) {
    const labels = new Map(), place = new Map();
    for (const item of shuffled) {
      if (!labels.has(item.label)) labels.set(item.label, []);
      labels.get(item.label).push(item);
    }
    for (const of of labels.values()) {
      const parts = Array.from({ length: STRATA }, () => []), ranked = [...of].sort((a, b) => score(a) - score(b));
      const part = new Map(ranked.map((item, rank) => [item, Math.floor(rank * STRATA / of.length)]));
      for (const item of of) parts[part.get(item)].push(item);
      for (const list of parts) list.forEach((item, step) => place.set(item, (step + next()) / list.length));
    }
    return shuffled.sort((a, b) => place.get(a) - place.get(b));
  }

  // The items of a label (all where it is empty) in an order.
  function arrange(items, order, label = "", seed = 1) {
    const kept = items.filter(item => !label || item.label === label);
    const score = item => Number.isFinite(item.score) ? item.score : 0.5;
    if (FAIR.includes(order)) {
      const next = randoms(seed);
      for (let i = kept.length - 1; i > 0; i--) {
        const k = Math.floor(next() * (i + 1));
        [kept[i], kept[k]] = [kept[k], kept[i]];
      }
      return order === "spread" ? spread(kept, score, next) : kept;
    }
    const by = {
      uncertain: (a, b) => Math.abs(score(a) - 0.5) - Math.abs(score(b) - 0.5),
      score: (a, b) => score(b) - score(a),
      class: (a, b) => a.label < b.label ? -1 : a.label > b.label ? 1 : score(b) - score(a),
    };
    return kept.sort(by[order]);
  }

  // What counts of many rows: the last one of each detection, whoever gave it, unless it takes an answer back.
  function latest(rows) {
    const last = new Map();
    for (const row of rows) {
      const of = key(row);
      last.delete(of);
      if (row.label !== "") last.set(of, row);
    }
    return [...last.values()];
  }

  // Of each predicted label, how many answers there are, how many are right, and { score, right } of each.
  function tally(rows) {
    const counts = new Map();
    for (const row of latest(rows)) {
      if (!row.predicted || row.predicted === UNSURE) continue;
      const of = counts.get(row.predicted) || { n: 0, right: 0, points: [] };
      const right = row.label === row.predicted;
      of.n++;
      if (right) of.right++;
      of.points.push({ score: row.score ?? NaN, right });
      counts.set(row.predicted, of);
    }
    return counts;
  }

  // A session over items. `earlier` are rows from before; `emit(row)` gets every new row at once.
  function create({ items, classes, model = "", reviewer = () => "", earlier = [], emit = () => {} }) {
    const list = [];
    const rows = [...earlier], answers = new Map(latest(earlier).map(row => [key(row), row])), skipped = new Set();
    const undos = [];
    let at = 0;

    const current = () => list[at] || null;
    const open = item => !answers.has(key(item)) && !skipped.has(key(item));
    function add(more) {
      const known = new Set(list.map(key));
      const fresh = more.filter(item => !known.has(key(item)));
      list.push(...fresh);
      return fresh.length;
    }
    function forward() {
      const following = [...list.keys()].filter(i => i > at && open(list[i]));
      const before = [...list.keys()].filter(i => i < at && open(list[i]));
      at = following[0] ?? before[0] ?? list.length;
    }
    function write(item, label) {
      const row = {
        path: item.path, start: item.start, end: item.end, channel: item.channel ?? null, label, reviewer: reviewer(),
        time: new Date().toISOString().replace(/\.\d+Z$/, "Z"), model, predicted: item.label, score: item.score ?? null, outlier_p: item.outlier_p ?? null,
      };
      rows.push(row);
      if (label === "") answers.delete(key(item)); else answers.set(key(item), row);
      emit(row);
    }
    function answer(label) {
      const item = current();
      if (!item || label === "") return false;
      undos.push({ at, was: answers.get(key(item))?.label ?? "", skip: false });
      skipped.delete(key(item));
      write(item, label);
      forward();
      return true;
    }
    function right() {
      const item = current();
      return item !== null && item.label !== UNSURE && answer(item.label);
    }
    // Wrong, and not said what it is. Where the model gave no answer there is nothing to deny.
    function wrong() {
      const item = current();
      return item !== null && item.label !== UNSURE && answer("-" + item.label);
    }
    function skip() {
      const item = current();
      if (!item) return false;
      undos.push({ at, was: "", skip: true });
      skipped.add(key(item));
      forward();
      return true;
    }
    function undo() {
      const last = undos.pop();
      if (!last) return false;
      at = last.at;
      if (last.skip) skipped.delete(key(list[at])); else write(list[at], last.was);
      return true;
    }
    function move(by) {
      at = Math.max(0, Math.min(list.length - 1, at + by));
    }
    // Skipped items come again.
    function again() {
      skipped.clear();
      at = -1;
      forward();
    }
    function progress() {
      const answered = list.filter(item => answers.has(key(item))).length;
      const left = list.filter(open).length;
      return { n: list.length, answered, skipped: list.length - answered - left, left, place: Math.min(at + 1, list.length) };
    }
    add(items);
    at = -1;
    forward();
    return {
      classes, current, add, answer, right, wrong, skip, undo, move, again, progress,
      answerOf: item => answers.get(key(item))?.label ?? "", rows: () => rows, canUndo: () => undos.length > 0,
    };
  }

  return { NEITHER, UNSURE, ORDERS, FAIR, key, arrange, latest, tally, create };
})();
