// How good a threshold is that a review gives: a reviewer knows the truth, answers detections of a class in random order, and takes the score
// from which on a detection is right in WANTED of the cases, as the pages compute it (crates/report/review/precision.js). Printed is the
// precision of all detections from that score on: median and 10 to 90 % of the reviews that give a threshold, and their share.
//
//     node scripts/measure-thresholds.mjs [NAME=TABLE...]
//
// TABLE: windows of `barkbird predict` over a manifest with labels (column truth). Without one, made populations: scores whose log-odds are
// normal, right with a probability that is a logistic function of them.
import { readFileSync } from "node:fs";

const REVIEWS = Number(process.env.REVIEWS ?? 200), WANTED = Number(process.env.WANTED ?? 0.9), ANSWERS = [10, 20, 40, 80, 160];
const source = readFileSync(new URL("../crates/report/review/precision.js", import.meta.url), "utf8");
const Precision = new Function(source + "; return Precision;")();

// Numbers from 0 to 1 that depend on the seed alone (mulberry32).
function random(seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

const sigmoid = x => 1 / (1 + Math.exp(-x));
function made(slope, shift, n, seed) {
  const next = random(seed), normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return Array.from({ length: n }, () => {
    const x = 1.5 + 1.5 * normal();
    return { score: sigmoid(x), right: next() < sigmoid(shift + slope * x) };
  });
}

// Detections of each label of a table with a column `truth`.
function read(path) {
  const [head, ...lines] = readFileSync(path, "utf8").trim().split("\n").map(line => line.split(","));
  const column = name => head.indexOf(name), labels = new Map();
  for (const line of lines) {
    const label = line[column("label")], truth = line[column("truth")];
    if (label === "neither" || label === "unsure" || truth === "") continue;
    if (!labels.has(label)) labels.set(label, []);
    labels.get(label).push({ score: Number(line[column("probability")]), right: label === truth });
  }
  return labels;
}

function measure(name, all, seed) {
  const cells = ANSWERS.map(n => {
    if (n > all.length) return "";
    const got = [];
    for (let review = 0; review < REVIEWS; review++) {
      const next = random(seed * 1000 + review), order = all.map(one => [next(), one]).sort((a, b) => a[0] - b[0]).slice(0, n);
      const { score } = Precision.calibrate(order.map(([, one]) => one)).threshold(WANTED);
      if (score === null) continue;
      const above = all.filter(one => one.score >= score);
      got.push(above.filter(one => one.right).length / above.length);
    }
    got.sort((a, b) => a - b);
    const at = share => got[Math.min(got.length - 1, Math.floor(share * got.length))].toFixed(2);
    return got.length < REVIEWS / 20 ? `none (${(got.length / REVIEWS).toFixed(2)})` : `${at(0.5)} (${at(0.1)} to ${at(0.9)}), ${(got.length / REVIEWS).toFixed(2)}`;
  });
  const share = all.filter(one => one.right).length / all.length;
  console.log(`| ${name} | ${all.length} | ${share.toFixed(3)} | ${cells.join(" | ")} |`);
}

console.log(`| detections | n | precision | ${ANSWERS.map(n => n + " answers").join(" | ")} |\n| --- | --- | --- |${" --- |".repeat(ANSWERS.length)}`);
const tables = process.argv.slice(2).map(word => word.split("="));
for (const [name, path] of tables) {
  for (const [label, all] of [...read(path)].sort()) measure(`${name}, ${label}`, all, 7);
}
if (tables.length === 0) {
  const kinds = [["as the score says", 1, 0], ["surer than it is", 0.5, -0.5], ["half as steep", 0.5, 0], ["too low by 2", 1, 1.5], ["too high by 1.5", 1, -1.5], ["steep", 2, -2], ["nothing to do with the score", 0, 1]];
  for (const [name, slope, shift] of kinds) for (const n of [200, 1000]) measure(name, made(slope, shift, n, 3), 7);
}
