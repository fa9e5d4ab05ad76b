// The browser's side of check-export-page.sh: CHROMIUM NODE PAGE SETTINGS DOCS. NODE is the folder with onnxruntime-web; SETTINGS is a JSON
// file: `models` are folders of graphs, each with the JSON of `barkbird predict` on recordings where there is one. DOCS is docs/export.md,
// whose lines of JavaScript are run, too.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join } from "node:path";
import puppeteer from "puppeteer-core";

const [chromium, node, file, settings, docs] = process.argv.slice(2);
const { models, mostOnWebGpu } = JSON.parse(readFileSync(settings, "utf8"));
const MOST = 1e-4;
const TYPES = { ".html": "text/html", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };

// What the page may fetch.
const files = new Map([["/", file]]);
for (const [nth, model] of models.entries()) {
  for (const name of ["model.onnx", "model.json", "parity.safetensors"]) files.set(`/models/${nth}/${name}`, join(model.folder, name));
  if (model.predictions) model.recordings = JSON.parse(readFileSync(model.predictions, "utf8")).predictions;
  for (const { path } of model.recordings ?? []) files.set(`/recordings/${encodeURIComponent(path)}`, path);
}
const snippet = /```js\n([^]*?)```/.exec(readFileSync(docs, "utf8"))[1];
const pages = new Map(models.flatMap(({ recordings }, nth) => recordings ? [[`/models/${nth}/`, `<!doctype html><link rel="icon" href="data:,">
<script type="module">
const bytes = await (await fetch("/recordings/${encodeURIComponent(recordings[0].path)}")).arrayBuffer();
${snippet}
window.result = Array.from(probabilities.data);
</script>`]] : []));
const dist = join(node, "node_modules/onnxruntime-web/dist");
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://page");
  if (pages.has(pathname)) return response.writeHead(200, { "content-type": "text/html" }).end(pages.get(pathname));
  const path = /\/ort\/[^/]+$/.test(pathname) ? join(dist, basename(pathname)) : files.get(pathname);
  if (!path || !existsSync(path)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "content-length": statSync(path).size });
  createReadStream(path).pipe(response);
});
await new Promise(done => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;
// WebGPU is computed by the processor where there is no graphics card.
const browser = await puppeteer.launch({ executablePath: chromium, protocolTimeout: 3600000, args: ["--no-sandbox", "--enable-unsafe-webgpu"] });
const version = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8")).version;
console.log(`onnxruntime-web ${version}, ${await browser.version()}`);
let failures = 0;
const middle = values => [...values].sort((a, b) => a - b)[values.length >> 1];

async function look(nth, provider) {
  const { folder, recordings } = models[nth], name = `${basename(folder)}, ${provider}`, problems = [];
  const page = await browser.newPage();
  let isPartly = false;
  page.on("console", message => {
    const text = message.text();
    if (text.includes("not assigned to the preferred execution providers")) isPartly = true;
    // The runtime writes its warnings as errors.
    if (message.type() === "error" && !text.includes("[W:onnxruntime:")) problems.push(text);
  });
  page.on("pageerror", error => problems.push(String(error)));
  page.on("request", request => { if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin) problems.push(`request: ${request.url()}`); });
  page.on("response", response => { if (response.status() === 404) problems.push(`not found: ${response.url()}`); });
  try {
    await page.goto(`${origin}/?provider=${provider}`, { waitUntil: "load" });
    await page.waitForFunction("window.replay", { timeout: 60000 });
    const adapter = provider === "webgpu" && await page.evaluate(async () => {
      const found = await navigator.gpu?.requestAdapter();
      return found ? { of: `${found.info.vendor} ${found.info.architecture}` } : null;
    });
    if (adapter === null) return console.log(`${name}: not run, this browser has no adapter`);
    const opened = await page.evaluate(nth => window.begin(`/models/${nth}`), nth);
    const { n, worst, milliseconds } = await page.evaluate((...args) => window.replay(...args), `/models/${nth}`, provider === "wasm" ? Infinity : mostOnWebGpu);
    const figures = Object.entries(worst).map(([output, value]) => `${output} ${value === null ? NaN : value.toExponential(1)}`).join(", ");
    const time = adapter ? `on ${adapter.of}${isPartly ? " and in part on the processor" : ""}`
      : `opened in ${(opened / 1000).toFixed(1)} s, ${middle(milliseconds).toFixed(0)} ms a window (median; least ${Math.min(...milliseconds).toFixed(0)})`;
    console.log(`${name}: ${n} windows, ${(statSync(join(folder, "model.onnx")).size / 1e6).toFixed(1)} MB, ${time}; largest difference: ${figures}`);
    if (!(worst.probabilities <= MOST)) problems.push(`probabilities differ by more than ${MOST}`);
    if (recordings && provider === "wasm") {
      await compare(page, name, recordings);
      const [row] = await page.evaluate(address => window.classify(address), `/recordings/${encodeURIComponent(recordings[0].path)}`);
      await page.goto(`${origin}/models/${nth}/`, { waitUntil: "load" });
      await page.waitForFunction("window.result", { timeout: 60000 });
      const [got, expected] = [await page.evaluate("window.result"), Object.values(row.probabilities)];
      const difference = Math.max(...expected.map((p, at) => Math.abs(p - got[at])));
      console.log(`${name}: the lines of docs/export.md: difference ${difference.toExponential(1)}`);
      if (!(difference <= MOST)) problems.push("the lines of docs/export.md give other probabilities");
    }
  } catch (error) {
    problems.push(String(error));
  } finally {
    await page.close();
  }
  failures += problems.length;
  problems.forEach(problem => console.log(`FAIL ${name}: ${problem}`));
}

// Recordings that the browser decodes and resamples, beside `barkbird predict`.
async function compare(page, name, predictions) {
  const differences = [];
  let same = 0;
  for (const path of new Set(predictions.map(row => row.path))) {
    const rows = await page.evaluate(address => window.classify(address), `/recordings/${encodeURIComponent(path)}`);
    const expected = predictions.filter(row => row.path === path);
    if (rows.length !== expected.length) throw new Error(`${path}: ${rows.length} windows, expected ${expected.length}`);
    const likely = ({ probabilities }) => Object.entries(probabilities).reduce((best, of) => of[1] > best[1] ? of : best)[0];
    for (const [nth, row] of rows.entries()) {
      differences.push(Math.max(...Object.entries(row.probabilities).map(([label, p]) => Math.abs(p - expected[nth].probabilities[label]))));
      if (likely(row) === likely(expected[nth])) same++;
    }
  }
  const most = [middle(differences), Math.max(...differences)].map(value => value.toExponential(1));
  console.log(`${name}: ${differences.length} windows that the browser decodes and resamples: same class in ${same}; difference from predict: median ${most[0]}, largest ${most[1]}`);
}

for (const nth of models.keys()) for (const provider of ["wasm", "webgpu"]) await look(nth, provider);
await browser.close();
server.close();
console.log(failures ? `${failures} failures` : "all passed");
process.exit(failures ? 1 : 0);
