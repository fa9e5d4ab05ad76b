// The browser's side of check-page.sh: CHROMIUM OUT SETTINGS, SETTINGS being a JSON file that check-page.sh writes.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [chromium, out, settings] = process.argv.slice(2);
const { url, wav, flac, microphone, classes, fitSeconds, reviewFile } = JSON.parse(readFileSync(settings, "utf8"));
const axe = readFileSync(resolve(out, "node/node_modules/axe-core/axe.min.js"), "utf8");
const downloads = resolve(out, "downloads");
rmSync(downloads, { recursive: true, force: true });
mkdirSync(downloads, { recursive: true });
const SIZES = [[1200, "light"], [1200, "dark"], [390, "light"], [390, "dark"]];
const origin = new URL(url).origin, token = new URLSearchParams(new URL(url).hash.slice(1)).get("token");
let failures = 0, problems = [];
function check(what, is, detail = "") {
  if (!is) failures++;
  console.log(`${is ? "ok  " : "FAIL"} ${what}${detail === "" ? "" : ": " + detail}`);
}
const sleep = ms => new Promise(done => setTimeout(done, ms));
async function until(test, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
    const value = await test();
    if (value) return value;
  }
  return null;
}

const browser = await puppeteer.launch({
  executablePath: chromium, protocolTimeout: 300000,
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}`],
});
const session = await browser.target().createCDPSession();
await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
// The file that a click downloads.
async function download(click) {
  for (const name of readdirSync(downloads)) rmSync(resolve(downloads, name));
  await click();
  const name = await until(() => readdirSync(downloads).find(name => !name.endsWith(".crdownload")), 60);
  return name ? resolve(downloads, name) : null;
}
const clickText = (page, host, words) => page.evaluate((host, words) => [...document.querySelectorAll(host + " button")].find(button => button.textContent === words).click(), host, words);

async function open(address) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1200, height: 900 });
  page.on("console", message => { if (["error", "warn"].includes(message.type())) problems.push(message.text()); });
  page.on("response", response => { if (response.status() === 404) problems.push("not found: " + response.url()); });
  page.on("pageerror", error => problems.push(String(error)));
  page.on("request", request => {
    const to = request.url();
    if (!/^(data|blob):/.test(to) && to !== address && new URL(to).origin !== origin) problems.push("request: " + to);
  });
  // What goes to the loudspeaker is measured on its way: a player that only counts seconds is not enough.
  await page.evaluateOnNewDocument(() => {
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to instanceof AudioDestinationNode && this.context instanceof AudioContext) {
        const tap = this.context.createAnalyser(); // spelling: as written
        connect.call(this, tap);
        window.loudness = () => {
          const samples = new Float32Array(tap.fftSize);
          tap.getFloatTimeDomainData(samples);
          return Math.max(...samples.map(Math.abs));
        };
      }
      return connect.call(this, to, ...rest);
    };
  });
  await page.goto(address, { waitUntil: "networkidle0" });
  return page;
}
const text = (page, selector) => page.$eval(selector, element => element.textContent);
const heard = page => until(() => page.evaluate(() => typeof window.loudness === "function" && window.loudness() > 0.003 && Sound.position() > 0), 5);
// A picture is one that has many colors.
const drawn = (page, selector) => page.$eval(selector, canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
});
async function drop(page, selector, files) {
  const box = await (await page.$(selector)).boundingBox();
  const input = await page.createCDPSession();
  const data = { items: [], files: files.map(file => resolve(file)), dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await input.send("Input.dispatchDragEvent", { type, x: box.x + box.width / 2, y: box.y + box.height / 2, data });
  await input.detach();
}
// Looks at the page in every size and color.
async function look(page, name) {
  for (const [width, scheme] of SIZES) {
    await page.setViewport({ width, height: width < 600 ? 844 : 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await sleep(400);
    await until(() => page.evaluate(() => [...document.querySelectorAll(".plot")].every(plot => plot.offsetParent === null || plot.dataset.drawn !== "false")), 10);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`${name}: fits into ${width} pixels, ${scheme}`, wide <= 0, wide > 0 ? `${wide} pixels too wide` : "");
    // The page's own policy forbids scripts from elsewhere; this one comes through the debugger.
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    const serious = violations.filter(of => ["serious", "critical"].includes(of.impact));
    check(`${name}: axe-core at ${width}, ${scheme}`, serious.length === 0, serious.map(of => `${of.id}: ${of.nodes.slice(0, 3).map(node => node.html.slice(0, 140)).join(" | ")}`).join("\n     "));
    await page.screenshot({ path: `${out}/page-${name}-${width}-${scheme}.png`, fullPage: true });
  }
  await page.setViewport({ width: 1200, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await sleep(300);
}
const states = page => page.$$eval(".recordings tr[data-state]", rows => rows.map(row => row.dataset.state));
const settled = async page => until(async () => { const all = await states(page); return all.length && all.every(state => ["done", "failed"].includes(state)) ? all : null; }, 120);

async function classify(page) {
  console.log("\nClassify");
  await look(page, "empty");
  await drop(page, "#classify .drop", [wav, flac]);
  const all = await settled(page);
  check("a WAV and a FLAC file are dropped and classified", all && all.length === 2 && all.every(state => state === "done"), String(all));
  // The WAV file, wherever it is in the list.
  await page.evaluate(name => [...document.querySelectorAll(".recordings button.link")].find(button => button.textContent === name).click(), wav.split("/").pop());
  check("its spectrogram is drawn", await until(() => page.$eval("#classify .plot", plot => plot.dataset.drawn === "true"), 15) && await drawn(page, "#classify .picture") > 20);
  check("a verdict has bars of every class", await page.$$eval("#classify .bars-row", rows => rows.length) >= 2, (await text(page, "#classify .verdict-panel")).slice(0, 90));
  const kinds = await page.$$eval("#classify .toggle", buttons => buttons.map(button => button.textContent));
  check("windows and events are listed", kinds.length === 2 && await page.$$eval("#classify .rows tbody tr", rows => rows.length) > 0, kinds.join(", "));
  await page.click("#classify .rows tbody button");
  check("a click on a row is heard", await heard(page) !== null);
  await page.evaluate(() => Sound.stop());
  const box = await (await page.$("#classify .plot")).boundingBox();
  await page.mouse.click(box.x + box.width * 0.4, box.y + box.height - 8);
  check("a click on a window or an event is heard", await heard(page) !== null);
  await page.evaluate(() => Sound.stop());
  await page.mouse.move(box.x + box.width * 0.2, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 5 });
  await page.mouse.up();
  check("a range that is marked by dragging is heard", await heard(page) !== null);
  await page.evaluate(() => Sound.stop());
  const range = () => text(page, "#classify .readout"), whole = await range();
  await (await page.$("#classify .plot")).focus();
  await page.keyboard.press("+");
  check("the keyboard zooms", await range() !== whole, `${whole}, then ${await range()}`);
  await page.keyboard.press("0");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press(" ");
  check("and plays", await heard(page) !== null);
  await page.keyboard.press(" ");
  check("and stops", await page.evaluate(() => Sound.position()) === null);
  const rows = () => page.$$eval("#classify .rows tbody tr", all => all.length).catch(() => 0), before = await rows();
  await page.$eval("#classify .filters input[type=range]", slider => { slider.value = "1"; slider.dispatchEvent(new Event("input")); });
  const strict = await rows();
  check("a score filters", strict < before, `${before}, then ${strict}`);
  await page.$eval("#classify .filters input[type=range]", slider => { slider.value = "0"; slider.dispatchEvent(new Event("input")); });
  for (const format of await page.$$eval("#classify .row-head select option", options => options.map(option => option.value))) {
    await page.select("#classify .row-head select", format);
    const file = await download(() => page.click("#classify .download"));
    check(`a table as ${format}`, file !== null && statSync(file).size > 20, file ? file.split("/").pop() : await text(page, "#classify .row-head [role=status]"));
  }
  const table = await download(() => page.click("#classify .download-all"));
  check("one CSV of all", table !== null && readFileSync(table, "utf8").startsWith("path,start,end,channel,label") && readFileSync(table, "utf8").match(/^path,/gm).length === 1);
  await look(page, "classify");

  await page.click("#classify .record");
  await until(() => page.$("#classify .recorder canvas"));
  await sleep(3000);
  check("the microphone is seen as it comes", await drawn(page, "#classify .recorder canvas") > 20);
  await page.click("#classify .record");
  const three = await settled(page);
  check("the recording is judged", three && three.length === 3 && three.every(state => state === "done"), await text(page, "#classify .recordings tr.current"));
  // Broken files get an error of their own.
  await page.evaluate(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["this is no sound"], "<img src=x onerror=document.title=1>.wav"));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
  });
  const four = await settled(page);
  check("a broken file says so, and its name is only text", four && four.filter(state => state === "failed").length === 1 && await page.title() === "barkbird", await page.$eval(".recordings .failed", element => element.textContent).catch(() => ""));
  // Chromium itself logs answers of 4xx; that one was on purpose.
  problems = problems.filter(problem => !/status of 4(00|15|22)/.test(problem));
}

async function listen(page) {
  console.log("\nListen");
  await page.click("#tab-listen");
  await page.click("#listen .primary");
  check("live: windows come back", await until(() => page.$("#listen .now .tag"), 30) !== null, await text(page, "#listen .listen-head"));
  const event = await until(() => page.$("#listen .live-events tbody button"), 40);
  check("and events", event !== null);
  check("the spectrogram runs", await drawn(page, "#listen canvas.running") > 20);
  if (event) {
    await event.click();
    check("an event is heard", await heard(page) !== null);
    check("and is in the picture of the day", await page.$$eval("#listen .activity tbody tr", rows => rows.length) > 0);
  }
  await look(page, "listen");
  await page.click("#listen .primary");
  check("stopped", /Stopped/.test(await text(page, "#listen [role=status]")), await text(page, "#listen [role=status]"));
}

// What the CSV says: the last row of each detection.
function answers(csv) {
  const lines = csv.trim().split("\n").slice(1).map(line => line.split(","));
  return new Map(lines.map(of => [[of[0], Number(of[1]), Number(of[2])].join(), of[4]]));
}
// Answers ten clips by keyboard, with a skip and an undo between; gives what was meant.
async function answerTen(page, host) {
  const meant = new Map(), names = await page.$$eval(`${host} .class-answers .class span`, spans => spans.map(span => span.textContent));
  const at = async () => {
    await until(() => page.$eval(`${host} .review-card .viewer`, viewer => viewer.dataset.item !== ""), 10);
    return page.$eval(`${host} .review-card`, card => ({ item: card.querySelector(".viewer").dataset.item.split("\n"), label: card.querySelector(".review-headline .tag").textContent }));
  };
  await page.$eval(`${host} .review-headline`, headline => headline.focus());
  const keys = ["y", "x", "1", "2", "n", "y", "y", "x", "y", "n"];
  for (const [i, key] of keys.entries()) {
    const { item, label } = await at();
    // Where the model was unsure there is nothing to be right about.
    const pressed = label === "unsure" && "yx".includes(key) ? "1" : key;
    const says = { y: label, x: "-" + label, n: "neither" }[pressed] ?? names[pressed - 1];
    meant.set([item[0], Number(item[1]), Number(item[2])].join(), says);
    await page.keyboard.press(pressed);
    if (i === 3) {
      await at();
      await page.keyboard.press("s");
    }
    if (i === 6) {
      await page.keyboard.press("u");
      check("undo goes back to the clip", (await at()).item.join() === item.join());
      meant.set([item[0], Number(item[1]), Number(item[2])].join(), "neither");
      await page.keyboard.press("n");
    }
  }
  return meant;
}
const same = (meant, got) => [...meant].filter(([key, label]) => got.get(key) !== label).map(([key, label]) => `${key}: ${label}, and the CSV has ${got.get(key)}`);

// Which interval is shown is said, and can be changed.
async function intervals(page, host) {
  const shown = async () => [await text(page, `${host} .precision caption`), await text(page, `${host} .precision thead`)].join(" ");
  const ends = () => page.$$eval(`${host} .precision tbody tr`, rows => rows.map(row => [...row.querySelectorAll("td")].map(cell => cell.textContent).find(text => text.includes(" to "))).join());
  check("the order is a random one", await page.$eval(`${host} .settings select`, select => select.value) === "spread");
  const [table, ofTable] = [await shown(), await ends()];
  check("the interval is that of the table", table.includes("hypergeometric") && table.includes("95\u00a0% interval, this table") && table.includes("In table"), table.slice(0, 60));
  await page.select(`${host} .precision select.scope`, "future");
  const future = await shown();
  check("or that of recordings to come", future.includes("Clopper-Pearson") && future.includes("recordings to come") && !future.includes("In table") && await ends() !== ofTable, future.slice(0, 60));
  await page.select(`${host} .precision select.scope`, "table");
  check("and again that of the table", await ends() === ofTable);
}

async function review(page) {
  console.log("\nReview");
  await page.click("#tab-review");
  await until(() => page.$("#review .review-card:not([hidden]) .answer"), 20);
  await until(() => page.$eval("#review .plot", plot => plot.dataset.drawn === "true"), 10);
  check("a clip is there, and its sound is played", await heard(page) !== null, await text(page, "#review .review-place"));
  const meant = await answerTen(page, "#review");
  await until(async () => (await text(page, "#review .review-progress")).startsWith("10 of"), 10);
  check("ten clips are answered by keyboard", (await text(page, "#review .review-progress")).startsWith("10 of"), await text(page, "#review .review-progress"));
  const csv = await until(async () => {
    const got = await (await fetch(origin + "/api/reviews", token ? { headers: { Authorization: "Bearer " + token } } : {})).text();
    return same(meant, answers(got)).length === 0 ? got : null;
  }, 10) ?? await (await fetch(origin + "/api/reviews")).text();
  const wrong = same(meant, answers(csv));
  check("the CSV is what was answered", wrong.length === 0 && meant.size === 10, wrong.join("; "));
  const counted = await page.$$eval("#review .precision tbody tr", rows => rows.reduce((sum, row) => sum + Number(row.querySelector("td").textContent.split(" of ")[1]), 0));
  await intervals(page, "#review");
  check("precision counts them", counted >= 8 && counted <= 10, `${counted} of ${meant.size}`);
  const file = await download(() => clickText(page, "#review", "Download CSV"));
  check("and is downloaded", file !== null && same(meant, answers(readFileSync(file, "utf8"))).length === 0);
  // The choice of the interval has the focus, and arrows are its own there.
  await page.$eval("#review .review-headline", headline => headline.focus());
  await page.keyboard.press("ArrowLeft");
  await until(() => page.$("#review .given:not([hidden])"), 5);
  const table = await download(() => clickText(page, "#review", "Raven table")), rows = table ? readFileSync(table, "utf8").split("\n") : [];
  check("answers about a recording are a Raven table", rows[0]?.startsWith("Selection\tView") && rows[1]?.includes("reviewer: "), String(table).replace(/^.*\//, ""));
  await look(page, "review");
  const select = await page.$("#review > .controls select");
  check("recordings of the page can be reviewed", select !== null);
  if (select) {
    await select.select("page");
    await until(() => page.$("#review .review-card:not([hidden]) .answer"), 20);
    const before = await text(page, "#review .review-progress");
    await page.keyboard.press("n");
    check("one of them is answered", await until(async () => await text(page, "#review .review-progress") !== before, 5) !== null, await text(page, "#review .review-progress"));
  }
}

async function train(page) {
  console.log("\nTrain");
  await page.click("#tab-train");
  await until(() => page.$("#train .drop"), 5);
  await drop(page, "#train .drop", classes);
  const rows = await until(async () => { const all = await page.$$eval("#train .classes tbody tr", rows => rows.map(row => row.textContent)); return all.length ? all : null; }, 10);
  check("two folders are two classes", rows && rows.length === classes.length, String(rows));
  await page.$eval("#train input[type=number]", input => { input.value = "1"; });
  await look(page, "train");
  await page.click("#train .primary");
  check("training runs", await until(() => page.$("#train article[data-state=running], #train article[data-state=done]"), 120) !== null, await text(page, "#train [role=status]"));
  await page.screenshot({ path: `${out}/page-training.png`, fullPage: true });
  const end = await until(() => page.$eval("#train article", article => ["done", "failed", "canceled"].includes(article.dataset.state) ? article.dataset.state : null).catch(() => null), fitSeconds);
  check("and ends", end === "done", end === "done" ? "" : await text(page, "#train article").catch(() => "no training"));
  if (end !== "done") return;
  const opened = new Promise(done => browser.once("targetcreated", done));
  // The list is drawn once more when the stream of events ends.
  await page.$eval("#train .report", link => link.click());
  const report = await (await opened).page();
  check("its report opens", await until(() => report.evaluate(() => document.querySelector("h1")?.textContent), 20) !== null, await report.title());
  await report.screenshot({ path: `${out}/page-report.png` });
  await report.close();
  await page.bringToFront();
  await page.$eval("#train .use", button => button.click());
  await until(() => page.$eval("#classify", panel => !panel.hidden), 10);
  const both = await until(() => page.$$eval("#model option", options => options.length >= 2), 10);
  check("the new model can be chosen", both, await page.$eval("#model", select => select.selectedOptions[0].textContent));
}

// Answers of all detections that are a dog or a bird; `says` tells of p(dog) what they are.
async function answerAll(says) {
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: "Bearer " + token } : {}) };
  for (;;) {
    const { items } = await (await fetch(origin + "/api/queue?n=1000&order=score", { headers })).json();
    const rows = items.map(of => ({
      path: of.path, start: of.start, end: of.end, channel: of.channel, reviewer: "check", model: "", predicted: of.label, score: of.score, outlier_p: of.outlier_p,
      label: ["dog", "bird"].includes(of.label) ? says(of.label === "dog" ? of.score : 1 - of.score) : "neither",
    }));
    if (!rows.length) return;
    await fetch(origin + "/api/reviews", { method: "POST", headers, body: JSON.stringify(rows) });
  }
}
async function calibrate(page) {
  console.log("\nCalibrate");
  await answerAll(p => p > 0.5 ? "dog" : "bird");
  await page.reload({ waitUntil: "networkidle0" });
  await page.click("#tab-review");
  const begin = await until(() => page.$("#review .calibrate .controls:not([hidden]) .primary"), 20);
  check("enough answers can calibrate", begin !== null, await text(page, "#review .calibrate p"));
  if (!begin) return;
  await begin.click();
  const end = await until(() => page.$eval("#review .calibrate article", of => ["waiting", "running"].includes(of.dataset.state) ? null : of.dataset.state).catch(() => null), 120);
  const said = await text(page, "#review .calibrate article");
  check("a calibration ends", ["done", "refused"].includes(end), end);
  check("with a model, or with the reason and what to do", end === "done" ? await page.$("#review .calibrate .use") !== null : /[.] (Use|Answer|Choose) .*[.]/.test(said), said.slice(0, 200));
  await look(page, "calibrate");
}

async function staticReview(file) {
  console.log(`\n${file}`);
  const address = pathToFileURL(resolve(file)).href, page = await open(address);
  await until(() => page.$("#review .answer"), 20);
  check("a clip of the file is heard", await (async () => { await page.keyboard.press(" "); return await heard(page); })() !== null);
  const meant = await answerTen(page, "#review");
  const csv = await download(() => clickText(page, "#review", "Download CSV"));
  const wrong = csv ? same(meant, answers(readFileSync(csv, "utf8"))) : ["no CSV"];
  check("the CSV is what was answered", wrong.length === 0, wrong.join("; "));
  await page.reload({ waitUntil: "networkidle0" });
  check("answers are there when the file is opened again", await until(async () => (await text(page, "#review .review-progress")).startsWith("10 of"), 5) !== null, await text(page, "#review .review-progress"));
  await intervals(page, "#review");
  await look(page, "review-file");
  await page.close();
}

const page = await open(url);
for (const part of [classify, listen, review, train, calibrate]) {
  try {
    await part(page);
  } catch (error) {
    check(part.name, false, error.stack);
    await page.screenshot({ path: `${out}/page-failed-${part.name}.png`, fullPage: true });
  }
}
await page.close();
if (reviewFile) await staticReview(reviewFile).catch(error => check("the static file", false, error.stack));
console.log();
check("no error in the console, no request that goes elsewhere", problems.length === 0, problems.slice(0, 5).join("; "));
await browser.close();
console.log(failures === 0 ? "\nall checks passed" : `\n${failures} checks failed`);
process.exit(failures === 0 ? 0 : 1);
