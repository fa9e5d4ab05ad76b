// Unit tests of the scripts that the page and the static review file share: node --test scripts/check-page.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

// The scripts are classic ones, each one constant; this gives the last one's.
const folder = process.env.REVIEW || new URL("../crates/report/review/", import.meta.url).pathname;
function load(...names) {
  const text = names.map(name => readFileSync(`${folder}/${name}.js`, "utf8")).join("\n");
  const last = names[names.length - 1];
  return vm.runInThisContext(`(() => { ${text}\nreturn ${last[0].toUpperCase() + last.slice(1)}; })()`);
}
const near = (got, expected, tolerance = 5e-5) => assert.ok(Math.abs(got - expected) <= tolerance, `${got} is not ${expected}`);

test("intervals are Clopper and Pearson's", () => {
  const Precision = load("precision");
  // Known values, as exact binomial tests print them.
  for (const [right, n, low, high] of [
    [8, 10, 0.4439, 0.9748], [0, 10, 0, 0.3085], [10, 10, 0.6915, 1], [1, 1, 0.025, 1], [50, 100, 0.3983, 0.6017], [95, 100, 0.8872, 0.9836],
    [990, 1000, 0.9817, 0.9952],
  ]) {
    const [a, b] = Precision.interval(right, n);
    near(a, low);
    near(b, high);
  }
  assert.deepEqual(Precision.interval(0, 0), [0, 1]);
});

test("intervals of a table are those of crates/stats/src/finite.rs", () => {
  const Precision = load("precision");
  for (const [right, n, size, low, high] of [
    [8, 10, 40, 0.5, 0.95], [45, 50, 200, 0.8, 0.955], [95, 100, 1000, 0.891, 0.982], [950, 1000, 1000000, 0.934618, 0.962658], [2, 2, 4, 0.5, 1],
  ]) {
    const [a, b] = Precision.interval(right, n, size);
    near(a, low, 1e-9);
    near(b, high, 1e-9);
  }
  assert.deepEqual(Precision.interval(0, 0, 7), [0, 1]);
  assert.deepEqual(Precision.interval(3, 4, 4), [0.75, 0.75]);
  // Against counting all samples, in whole numbers.
  const choose = (n, k) => k < 0 || k > n ? 0n : Array.from({ length: k }, (_, i) => BigInt(i)).reduce((all, i) => all * (BigInt(n) - i) / (i + 1n), 1n);
  const size = 23;
  for (let n = 1; n <= size; n++) {
    for (let k = 0; k <= n; k++) {
      const ways = (of, from, to) => { let sum = 0n; for (let i = from; i <= to; i++) sum += choose(of, i) * choose(size - of, n - i); return sum; };
      const possible = all => 40n * all >= choose(size, n), all = Array.from({ length: size + 1 }, (_, of) => of);
      const low = all.find(of => possible(ways(of, k, n))), high = all.findLast(of => possible(ways(of, 0, k)));
      assert.deepEqual(Precision.interval(k, n, size), [low / size, high / size], `${k} of ${n}`);
    }
  }
});

test("as many more answers make the interval as narrow as they say", () => {
  const Precision = load("precision");
  for (const size of [null, 300]) {
    for (const [right, n] of [[0, 0], [5, 5], [8, 10], [30, 60], [0, 4]]) {
      const more = Precision.more(right, n, size), share = (right + 0.5) / (n + 1);
      const width = extra => { const [low, high] = Precision.interval(right + Math.round(share * extra), n + extra, size); return high - low; };
      assert.ok(more > 0 && width(more) <= 0.1 + 1e-9 && width(more - 1) > 0.1, `${right} of ${n} in ${size}: ${more}`);
    }
  }
  assert.equal(Precision.more(400, 400), 0);
  assert.equal(Precision.more(7, 9, 9), 0);
  assert.ok(Precision.more(30, 60) > 300 && Precision.more(30, 60) < 400);
  // As in Rust (crates/pipeline/src/report/reviewed.rs, crates/stats/src/finite.rs).
  assert.equal(Precision.more(10, 10), 69);
  assert.equal(Precision.more(8, 10, 40), 23);
});

test("calibration is monotone and finds the threshold that made the answers", () => {
  const Precision = load("precision");
  let state = 1;
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  const points = Array.from({ length: 4000 }, () => {
    const score = 0.02 + 0.96 * random();
    const x = Math.log(score / (1 - score));
    return { score, right: random() < 1 / (1 + Math.exp(-(0.5 + 1.5 * x))) };
  });
  const { threshold, slope, at, intercept } = Precision.calibrate(points);
  near(slope, 1.5, 0.12);
  near(intercept, 0.5, 0.12);
  const expected = 1 / (1 + Math.exp(-(Math.log(9) - 0.5) / 1.5));
  const found = threshold(0.9);
  near(found.score, expected, 0.02);
  // What is given is on the safe side.
  assert.ok(expected < found.score && found.score - expected < 0.1, `${found.score}, ${expected}`);
  for (let score = 0; score < 1; score += 0.01) assert.ok(at(score + 0.01) >= at(score));
});

test("calibration finds the maximum where scores say nothing, and gives no threshold", () => {
  const Precision = load("precision");
  let state = 7, given = 0;
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  for (let review = 0; review < 50; review++) {
    const points = Array.from({ length: 80 }, () => {
      const x = 1.5 + 1.5 * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
      return { score: 1 / (1 + Math.exp(-Math.min(6, Math.max(-6, x)))), right: random() < 0.73 };
    });
    const { at, intercept, right, threshold } = Precision.calibrate(points);
    // At the maximum the slope of the likelihood along the intercept is zero; right ones count a little less than 1.
    const targets = right * (right + 1) / (right + 2) + (80 - right) / (80 - right + 2);
    near(points.reduce((sum, point) => sum + at(point.score), 0), targets - 0.1 * intercept, 1e-3);
    given += threshold(0.9).score !== null;
  }
  assert.ok(given <= 3, `${given} thresholds`);
});

test("few answers, only right ones, only wrong ones, and answers against the score are no trouble", () => {
  const Precision = load("precision");
  const of = (n, right) => Array.from({ length: n }, (_, i) => ({ score: 0.5 + 0.4 * i / n, right: right(i) }));
  assert.match(Precision.calibrate(of(4, () => true)).threshold(0.9).reason, /needs 6 more/);
  assert.match(Precision.calibrate([]).threshold(0.9).reason, /needs 10 more/);
  const all = Precision.calibrate(of(40, () => true)).threshold(0.9);
  assert.ok(all.score >= 0.5 && all.score < 0.9);
  assert.equal(Precision.calibrate(of(40, () => false)).threshold(0.9).score, null);
  const against = Precision.calibrate(of(40, i => i < 20));
  assert.ok(against.slope >= 0);
  assert.equal(against.threshold(0.9).score, null);
  const separable = Precision.calibrate(of(40, i => i >= 20));
  assert.ok(Number.isFinite(separable.slope) && separable.threshold(0.9).score >= 0.65);
  assert.ok(Number.isFinite(Precision.calibrate([{ score: 0, right: false }, { score: 1, right: true }, { score: NaN, right: true }]).slope));
});

test("a CSV is read as it was written, whatever is in it", () => {
  const Csv = load("csv");
  const row = {
    path: "a, \"b\"\nc.wav", start: 0.1, end: 1.5, channel: 0, label: "dog", reviewer: "Ann, B.", time: "2026-01-01T00:00:00Z", model: "m", predicted: "bird",
    score: 0.123456789, outlier_p: null,
  };
  const text = Csv.write([row, { ...row, path: "x.wav", channel: null, label: "" }]);
  assert.equal(text.split("\n")[0], "path,start,end,channel,label,reviewer,time,model,predicted,score,outlier_p");
  assert.ok(text.includes("\"a, \"\"b\"\"\nc.wav\",0.1,1.5,0,dog,\"Ann, B.\""));
  const rows = Csv.parse(text).map(of => ({ ...of }));
  assert.deepEqual(rows[0], row);
  assert.deepEqual([rows.length, rows[1].path, rows[1].channel, rows[1].label], [2, "x.wav", null, ""]);
  assert.deepEqual(Csv.parse(text.replaceAll("\n", "\r\n")).length, 2);
  assert.deepEqual(Csv.parse("\ufeffpath,label\na.wav,dog").map(of => [of.path, of.label, of.score]), [["a.wav", "dog", null]]);
  assert.equal(Csv.parse("").length, 0);
});

const items = () => [
  { id: 0, path: "a.wav", start: 0, end: 1, channel: null, label: "dog", score: 0.9 }, { id: 1, path: "a.wav", start: 1, end: 2, channel: null, label: "bird", score: 0.55 },
  { id: 2, path: "a.wav", start: 1, end: 2, channel: 1, label: "dog", score: 0.3 }, { id: 3, path: "b.wav", start: 0, end: 1, channel: null, label: "neither", score: 0.75 },
];
const ids = list => [...list].map(item => item.id);

test("orders", () => {
  const Queue = load("queue");
  assert.deepEqual(ids(Queue.arrange(items(), "uncertain")), [1, 2, 3, 0]);
  assert.deepEqual(ids(Queue.arrange(items(), "score")), [0, 3, 1, 2]);
  assert.deepEqual(ids(Queue.arrange(items(), "class")), [1, 0, 2, 3]);
  assert.deepEqual(ids(Queue.arrange(items(), "score", "dog")), [0, 2]);
  const many = Array.from({ length: 50 }, (_, id) => ({ id, score: 0.5, label: "dog" }));
  const shuffled = ids(Queue.arrange(many, "random", "", 3));
  assert.deepEqual(shuffled, ids(Queue.arrange(many, "random", "", 3)));
  assert.notDeepEqual(shuffled, ids(many));
  assert.deepEqual([...shuffled].sort((a, b) => a - b), ids(many));
});

test("a random order that is spread over the scores", () => {
  const Queue = load("queue");
  const many = () => Array.from({ length: 103 }, (_, id) => ({ id, score: id / 103, label: "dog" }));
  const order = ids(Queue.arrange(many(), "spread", "", 3));
  assert.deepEqual(order, ids(Queue.arrange(many(), "spread", "", 3)));
  assert.deepEqual([...order].sort((a, b) => a - b), ids(many()));
  for (let n = 1; n <= 103; n++) {
    const parts = [0, 0, 0, 0, 0];
    order.slice(0, n).forEach(rank => parts[Math.floor(rank * 5 / 103)]++);
    assert.ok(parts.every(part => Math.abs(part - n / 5) < 2), `${n}: ${parts}`);
  }
  // Each comes first as often as another, whatever its score, and scores that are equal or missing do not matter.
  const first = Array(10).fill(0);
  for (let seed = 0; seed < 4000; seed++) first[ids(Queue.arrange(many().slice(0, 10), "spread", "", seed * 7919))[0]]++;
  assert.ok(first.every(count => count > 320 && count < 480), `${first}`);
  assert.equal(Queue.arrange([...items(), { id: 4, label: "dog", score: null }], "spread").length, 5);
  assert.equal(Queue.ORDERS[0][0], "spread");
});

test("answers, skips and undo, and the rows that they write", () => {
  const Queue = load("queue");
  const rows = [];
  const session = Queue.create({ items: items(), classes: ["bird", "dog"], model: "m", reviewer: () => "ann", emit: row => rows.push({ ...row }) });
  assert.ok(session.right());
  assert.ok(session.wrong());
  assert.ok(session.skip());
  assert.ok(session.answer("bird"));
  assert.equal(session.current(), null);
  assert.equal(session.right(), false);
  assert.deepEqual(rows.map(row => [row.path, row.start, row.label]), [["a.wav", 0, "dog"], ["a.wav", 1, "-bird"], ["b.wav", 0, "bird"]]);
  assert.match(rows[0].time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual([rows[0].reviewer, rows[0].model, rows[0].predicted, rows[0].score], ["ann", "m", "dog", 0.9]);
  session.again();
  assert.equal(session.current().id, 2);
  session.undo();
  assert.deepEqual([session.current().id, rows.at(-1).label, rows.at(-1).path], [3, "", "b.wav"]);
  session.undo();
  assert.equal(session.current().id, 2);
  session.undo();
  assert.deepEqual([session.current().id, rows.at(-1).label], [1, ""]);
  assert.deepEqual({ ...session.progress() }, { n: 4, answered: 1, skipped: 0, left: 3, place: 2 });
  session.move(-1);
  session.answer("neither");
  assert.equal(session.answerOf(items()[0]), "neither");
  session.undo();
  assert.deepEqual([rows.at(-1).label, session.answerOf(items()[0])], ["dog", "dog"]);
  assert.equal(session.add(items()), 0);
});

test("what was answered before is not asked again, and counts", () => {
  const Queue = load("queue");
  const row = (item, label) => ({ ...item, label, predicted: item.label, reviewer: "bo" });
  const [a, b, c, d] = items();
  const rows = [row(a, "dog"), row(b, "dog"), row(b, ""), row(c, "-dog"), row(d, "neither"), row(a, "neither"), row(a, "dog")];
  const session = Queue.create({ items: items(), classes: ["bird", "dog"], earlier: rows });
  assert.equal(session.current().id, 1);
  const tally = Queue.tally(rows);
  assert.deepEqual([...tally.keys()].sort(), ["dog", "neither"]);
  assert.deepEqual([tally.get("dog").n, tally.get("dog").right, tally.get("neither").right], [2, 1, 1]);
});

test("an FFT finds a sine, its frequency and its level", () => {
  const Fft = load("fft");
  const n = 1024, fft = Fft.create(n), out = new Float64Array(n / 2 + 1);
  fft.power(Float32Array.from({ length: n }, (_, i) => 0.5 * Math.sin(2 * Math.PI * 100 * i / n)), 0, out);
  assert.equal(out.indexOf(Math.max(...out)), 100);
  near(out[100], 0.25, 1e-6);
  assert.ok(out[110] < 1e-12);
});

test("a spectrogram puts a tone where the axis has it", () => {
  const Spectrogram = load("fft", "spectrogram");
  for (const rate of [16000, 44100, 250000]) {
    const { top, column, n } = Spectrogram.analysis(rate, 200), levels = new Float32Array(200), frequency = rate / 5;
    column(Float32Array.from({ length: n + 100 }, (_, i) => Math.sin(2 * Math.PI * frequency * i / rate)), n / 2 + 50, levels, false);
    near(levels.indexOf(Math.max(...levels)) / 200, Spectrogram.share(frequency, top), 0.02);
    near(Math.max(...levels), 0, 2);
  }
  assert.deepEqual([...Spectrogram.ticks(8000, 200)], [500, 1000, 2000, 4000, 8000]);
});
