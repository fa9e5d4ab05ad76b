// The browser's side of make-pictures.sh: CHROMIUM OUT IMAGES.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [chromium, out, images] = process.argv.slice(2);
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);

// What a visitor sees of the report: its top, the map, and clips with what the model looked at.
await page.setViewport({ width: 1100, height: 760 });
await page.goto(pathToFileURL(resolve(out, "barkbird-demo/report.html")).href);
await page.screenshot({ path: resolve(images, "report.png") });
async function section(name, heading, height, before) {
  await page.evaluate(before);
  const top = await page.evaluate(heading => {
    const of = [...document.querySelectorAll("h3, h4")].find(of => of.textContent.startsWith(heading));
    return of.getBoundingClientRect().top + scrollY - 24;
  }, heading);
  await page.screenshot({ path: resolve(images, name), clip: { x: 0, y: top, width: 1100, height }, captureBeyondViewport: true });
}
await section("report-thresholds.png", "Thresholds", 440, () => {
  const probability = document.querySelector(".probability");
  probability.value = 0.8;
  probability.dispatchEvent(new Event("input"));
});
await section("report-map.png", "Map of embeddings", 830, () => {
  const map = document.querySelector(".map .color");
  map.value = "right";
  map.dispatchEvent(new Event("change"));
});
await section("report-clips.png", "Misclassified", 790, () => {
  for (const details of document.querySelectorAll(".looked")) details.open = true;
});

// The comparison, as it is.
await page.setViewport({ width: 1000, height: 400 });
await page.goto(pathToFileURL(resolve(out, "barkbird-demo/comparison/compare.svg")).href);
const { width, height } = await page.evaluate(() => { const box = document.documentElement.viewBox.baseVal; return { width: box.width, height: box.height }; });
await page.setViewport({ width: Math.ceil(width), height: Math.ceil(height) });
await page.screenshot({ path: resolve(images, "comparison.png") });

// The terminal: the beginning and the end of the demo.
const lines = readFileSync(resolve(out, "demo.log"), "utf8").trimEnd().split("\n").map(line => line.split("\r").pop());
const epochs = lines.map((line, i) => /^epoch +\d/.test(line) ? i : -1).filter(i => i >= 0);
const shown = [...lines.slice(0, epochs[0] + 2), "...", ...lines.slice(epochs.at(-1))];
const terminal = await browser.newPage();
await terminal.setContent(`<style>body{margin:0;background:#16161a;color:#ececf0}pre{font:13px/1.35 monospace;padding:14px;margin:0}</style><pre></pre>`);
await terminal.evaluate(text => { document.querySelector("pre").textContent = text; }, shown.join("\n"));
await terminal.setViewport({ width: 1100, height: 100 });
const size = await terminal.evaluate(() => document.querySelector("pre").offsetHeight);
await terminal.setViewport({ width: 1100, height: size });
await terminal.screenshot({ path: resolve(images, "terminal.png") });
await browser.close();
