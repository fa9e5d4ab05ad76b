// The start of the static review page: items and sounds come from the page itself, answers stay in the browser and are downloaded.
(() => {
  "use strict";
  const host = document.getElementById("review");
  const data = JSON.parse(document.getElementById("review-data").textContent);
  const store = "barkbird-review:" + data.key;
  let kept = true;

  function earlier() {
    try {
      return JSON.parse(localStorage.getItem(store) || "[]");
    } catch {
      return [];
    }
  }
  const rows = earlier();
  function keep() {
    try {
      localStorage.setItem(store, JSON.stringify(rows));
    } catch {
      kept = false;
    }
    const note = document.getElementById("review-kept");
    note.textContent = kept
      ? "Your answers are kept in this browser. Download the CSV to use them."
      : "This browser keeps nothing for this file. Download the CSV before you close the page.";
    note.className = kept ? "faint" : "problem";
  }

  let context = null;
  async function sound(item) {
    if (!item.sound) throw new Error("the sound of this detection is not in this file.");
    const binary = atob(item.sound.slice(item.sound.indexOf(",") + 1));
    const bytes = Uint8Array.from(binary, character => character.charCodeAt(0));
    context = context || new OfflineAudioContext(1, 1, item.rate || 48000);
    const buffer = await context.decodeAudioData(bytes.buffer);
    const samples = buffer.getChannelData(0), start = item.start - (item.sound_start ?? item.start);
    return {
      source: { seconds: buffer.duration, rate: buffer.sampleRate, samples: (from, n) => samples.subarray(from, from + n) },
      of: Sound.ofBuffer(buffer), seconds: buffer.duration, start, end: Math.min(buffer.duration, start + item.end - item.start),
    };
  }

  const seed = [...data.key].reduce((sum, character) => sum * 31 + character.charCodeAt(0) >>> 0, 7);
  keep();
  Reviewer.mount(host, {
    classes: data.classes, model: data.model, orders: Queue.ORDERS, labels: [...new Set(data.items.map(item => item.label))].sort(),
    async load({ order, label, more }) {
      const items = more ? [] : Queue.arrange(data.items, order, label, seed);
      return { items, total: items.length };
    },
    population: label => data.counts[label] ?? null,
    sound, earlier: rows, reviewer: rows.length ? rows[rows.length - 1].reviewer : "",
    async save(row) { rows.push(row); keep(); },
    download: all => Dom.save("reviews.csv", Csv.write(all), "text/csv"),
  });
})();
