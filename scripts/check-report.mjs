// The browser's side of check-report.sh: CHROMIUM OUT [REPORT METRICS]...
import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [chromium, out, ...pairs] = process.argv.slice(2);
const axe = readFileSync(resolve(out, "node/node_modules/axe-core/axe.min.js"), "utf8");
let failures = 0;
function check(what, is, detail = "") {
  if (!is) failures++;
  console.log(`${is ? "ok  " : "FAIL"} ${what}${detail === "" ? "" : ": " + detail}`);
}

async function open(browser, file, width, scheme, problems) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: width < 600 ? 844 : 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.on("console", message => { if (["error", "warn"].includes(message.type())) problems.push(message.text()); });
  page.on("pageerror", error => problems.push(String(error)));
  page.on("request", request => { if (!/^(file|data|blob):/.test(request.url())) problems.push("request: " + request.url()); });
  const began = performance.now();
  await page.goto(pathToFileURL(resolve(file)).href, { waitUntil: "load" });
  const seconds = (performance.now() - began) / 1000;
  return { page, seconds };
}

async function accessible(page, what) {
  // The page's own policy forbids scripts from elsewhere; this one comes through the debugger.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(of => ["serious", "critical"].includes(of.impact));
  check(`axe-core, ${what}`, serious.length === 0, serious.map(of => `${of.id}: ${of.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(" | ")}`).join("\n     "));
}

const plays = page => page.evaluate(async () => {
  const playing = () => [...document.querySelectorAll("audio")].filter(audio => !audio.paused && audio.currentTime > 0).length;
  for (let i = 0; i < 60; i++) { if (playing() === 1) return 1; await new Promise(done => setTimeout(done, 50)); }
  return playing();
});

async function use(page, metrics) {
  const tool = await page.$(".threshold");
  check("thresholds are there", tool !== null);
  if (tool) {
    const figures = () => tool.evaluate(element => ({
      balanced: +element.dataset.balancedAccuracy, accuracy: +element.dataset.accuracy,
      rows: [...element.querySelectorAll("tr[data-class]")].map(row => [...row.querySelectorAll("td.number")].slice(0, -2).map(cell => +cell.textContent)),
      recall: Object.fromEntries([...element.querySelectorAll("tr[data-class]")].map(row => [row.dataset.class, row.querySelector(".recall").textContent])),
      precision: Object.fromEntries([...element.querySelectorAll("tr[data-class]")].map(row => [row.dataset.class, row.querySelector(".precision").textContent])),
    }));
    const set = (name, value) => tool.evaluate((element, name, value) => {
      const control = element.querySelector(name);
      control.value = value;
      control.dispatchEvent(new Event("input", { bubbles: true }));
    }, name, value);
    const at = await figures();
    const same = (a, b) => Math.abs(a - b) < 1e-9;
    check("figures at the start are those of metrics.json", same(at.balanced, metrics.balanced_accuracy) && same(at.accuracy, metrics.accuracy), `${at.balanced} ${metrics.balanced_accuracy}`);
    const text = value => value === null ? "\u2013" : value.toFixed(3);
    const classes = Object.entries(metrics.per_class);
    // Tables have six decimals: among many classes the two most probable ones of a clip can be equal in them.
    const near = (a, b) => a === b || metrics.classes.length > 12 && Math.abs(a - b) < 0.002;
    check("recall and precision, too", classes.every(([name, of]) => near(at.recall[name], text(of.recall)) && near(at.precision[name], text(of.precision))));
    if (metrics.classes.length <= 12) {
      check("and the confusion matrix", metrics.confusion.every((row, i) => row.every((count, k) => at.rows[i][k] === count)));
    }
    await tool.evaluate(element => { const select = element.querySelector(".of"); select.value = "0"; select.dispatchEvent(new Event("input", { bubbles: true })); });
    check("one class against the others starts there, too", same((await figures()).balanced, metrics.balanced_accuracy));
    await tool.evaluate(element => { const select = element.querySelector(".of"); select.value = "-1"; select.dispatchEvent(new Event("input", { bubbles: true })); });
    await set(".probability", "1");
    const strict = await figures();
    const answered = rows => rows.reduce((sum, row) => sum + row.slice(0, -2).reduce((a, b) => a + b, 0), 0);
    check("a high threshold leaves clips unsure", answered(strict.rows) < answered(at.rows), `${answered(at.rows)} clips get a class, then ${answered(strict.rows)}`);
    if (await tool.$(".alpha")) {
      await set(".probability", "0.5");
      await set(".alpha", "0.5");
      const shares = await tool.evaluate(element => element.querySelector(".result").textContent);
      check("alpha rejects clips", /\(\d+ unsure, [1-9]\d* neither\)/.test(shares), shares);
      await set(".alpha", "0");
    }
    await set(".probability", "0.5");
    await (await tool.$(".probability")).focus();
    await page.keyboard.press("ArrowRight");
    const output = await tool.$eval("output", of => of.value);
    check("the slider moves by keyboard", output === "0.51", output);
  }
  const cell = await page.$("td.hit button.cell");
  check("the confusion matrix has cells to open", cell !== null);
  if (cell) {
    const count = await cell.$eval("b", of => +of.textContent.replaceAll(",", ""));
    await cell.focus();
    await page.keyboard.press("Enter");
    const shown = await page.evaluate(() => {
      const dialog = document.getElementById("clips");
      return { open: dialog.open, n: dialog.querySelectorAll("figure, tbody tr").length, title: dialog.querySelector("h2").textContent };
    });
    check("a cell shows its clips", shown.open && shown.n === Math.min(count, 200), `${shown.title}: ${shown.n} of ${count}`);
    await page.evaluate(() => document.querySelector("#clips audio")?.play());
    if (await page.$("#clips audio")) check("a clip of the cell plays", await plays(page) === 1);
    await page.keyboard.press("Escape");
    check("Escape closes it and stops the sound", await page.evaluate(() => !document.getElementById("clips").open && ![...document.querySelectorAll("#clips audio")].some(audio => !audio.paused)));
  }
  const map = await page.$(".map svg.points");
  check("the map is drawn", map !== null);
  if (map) {
    const n = await map.evaluate(element => element.querySelectorAll("circle:not(.mark), path").length);
    await map.evaluate(element => element.scrollIntoView({ block: "center" }));
    // A point whose clip the page holds.
    const at = await map.evaluate(element => {
      const run = element.closest(".map").dataset.run;
      const of = JSON.parse(document.querySelector(`script.payload[data-run="${run}"]`).textContent).map;
      const point = [...element.querySelectorAll("circle, path")].find(point => of.number[point.dataset.i] > 0);
      const box = point.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2, place: of.place[point.dataset.i] };
    });
    await page.mouse.click(at.x, at.y);
    const chosen = () => page.$eval(".map .chosen", element => element.textContent.replace(/\s+/g, " "));
    check("a click finds a point", (await chosen()).length > 0, `${n} points; ${(await chosen()).slice(0, 100).trim()}`);
    check("and plays its clip", await page.$(".map .chosen audio") !== null && await plays(page) === 1);
    const before = await chosen();
    await map.evaluate(element => element.focus());
    for (const key of ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"]) {
      if ((await chosen()) === before) await page.keyboard.press(key);
    }
    check("the arrow keys go to another point", (await chosen()) !== before);
    const view = () => map.evaluate(element => element.getAttribute("viewBox"));
    const whole = await view();
    await (await page.$(".map .in")).click();
    check("zoom", await view() !== whole);
    await (await page.$(".map .reset")).click();
    check("and back", await view() === whole);
    const colored = () => map.evaluate(element => {
      const points = [...element.querySelectorAll("circle:not(.mark), path")];
      return { n: points.length, colors: new Set(points.map(point => point.getAttribute("class"))).size, places: points.slice(0, 20).map(point => point.getAttribute("cx") || point.getAttribute("transform")).join() };
    });
    const seen = [];
    for (const color of ["label", "right", "split", "group", "known", "predicted"]) {
      await page.select(".map .color", color);
      const { n: drawn, colors } = await colored();
      const items = await page.$$eval(".map .legend span", spans => spans.length);
      seen.push(drawn === n && colors === items);
    }
    check("each coloring has all points, and a legend of its colors", seen.every(Boolean), seen.join(" "));
    const places = new Set();
    const planes = await page.$$eval(".map .plane option", options => options.map(option => option.value));
    for (const plane of planes) {
      await page.select(".map .plane", plane);
      places.add((await colored()).places);
    }
    check("each projection puts them elsewhere", places.size === planes.length && planes.length === 2, `${planes.length} projections`);
  }
  await page.evaluate(() => document.querySelectorAll("audio").forEach(audio => audio.pause()));
  const player = await page.$("article section figure.sound audio");
  check("clips have players", player !== null);
  if (player) {
    await player.evaluate(audio => audio.play());
    check("a clip plays", await plays(page) === 1);
    await player.evaluate(audio => audio.pause());
  }
}

const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"], protocolTimeout: 300000 });
for (let i = 0; i + 1 < pairs.length; i += 2) {
  const [file, metrics] = [pairs[i], JSON.parse(readFileSync(pairs[i + 1], "utf8"))];
  const megabytes = statSync(file).size / 1e6, problems = [];
  const name = basename(file, ".html") === "report" ? basename(resolve(file, "..")) : basename(file, ".html");
  console.log(`\n${file}`);
  check("below 20 MB", megabytes < 20, `${megabytes.toFixed(1)} MB`);
  const { page, seconds } = await open(browser, file, 1200, "light", problems);
  check("opens in 2 s", seconds < 2, `${seconds.toFixed(2)} s`);
  await page.screenshot({ path: `${out}/${name}-1200-light.png`, fullPage: false });
  await use(page, metrics);
  await accessible(page, "light");
  await page.close();
  for (const [width, scheme] of [[1200, "dark"], [390, "light"], [390, "dark"]]) {
    const { page } = await open(browser, file, width, scheme, problems);
    if (width === 1200) await accessible(page, scheme);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`fits into ${width} pixels`, overflow <= 0, `${overflow} pixels too wide`);
    await page.screenshot({ path: `${out}/${name}-${width}-${scheme}.png` });
    await page.close();
  }
  check("no error in the console, no request that leaves the page", problems.length === 0, problems.slice(0, 5).join("; "));
}
await browser.close();
console.log(failures === 0 ? "\nall checks passed" : `\n${failures} checks failed`);
process.exit(failures === 0 ? 0 : 1);
