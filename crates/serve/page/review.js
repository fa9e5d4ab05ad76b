// The Review tab: the queue of the table that the server was started with, or of the recordings classified on this page.
const Review = (() => {
  "use strict";
  const { make, select, labeled } = Dom;
  const NAME = "barkbird-reviewer", AROUND_S = 1.5, PAGE = 50;
  let panel, source = "", opened = "";

  function reviewer() {
    try {
      return localStorage.getItem(NAME) || "";
    } catch {
      return "";
    }
  }
  function named(name) {
    try {
      localStorage.setItem(NAME, name);
    } catch {
      // The name is asked for again next time.
    }
  }

  function mount(host) {
    panel = host;
    Models.onChange(() => { if (panel.offsetParent !== null) show(); });
  }

  // Called when the tab opens. The queue stays as it is while its source is the same.
  async function show() {
    const { review } = Models.all(), mine = items();
    const sources = [];
    if (review) sources.push(["table", review.table + " (" + review.n + ")"]);
    if (mine.length) sources.push(["page", "Recordings on this page (" + mine.length + ")"]);
    if (!sources.length) {
      opened = "";
      panel.replaceChildren(make("p", null, "There is nothing to review yet."),
        make("p", { class: "faint" }, "Classify recordings on this page, or start the server with a table:"),
        make("p", null, make("code", null, "barkbird serve RUN --review detections.csv")));
      return;
    }
    if (!sources.some(([value]) => value === source)) source = sources[0][0];
    const state = source + " " + (source === "page" ? mine.map(Queue.key).join("\n") : "");
    const choice = sources.length > 1
      ? make("div", { class: "controls" }, labeled("Review", select(sources, source, value => { source = value; show(); })))
      : make("p", { class: "faint" }, "Detections of " + sources[0][1]);
    if (state === opened) {
      panel.firstElementChild.replaceWith(choice);
      return;
    }
    opened = state;
    const queue = make("div");
    panel.replaceChildren(choice, queue);
    let earlier = [], problem = "";
    try {
      // Of a file with answers about several tables, those about this one count.
      earlier = Csv.parse(await (await Api.request("/api/reviews" + (source === "table" ? "?table=true" : ""))).text());
    } catch (error) {
      if (error.status !== 404) problem = error.message;
    }
    if (opened !== state) return;
    if (problem) panel.insertBefore(make("p", { class: "problem", role: "alert" }, "Earlier answers could not be read: " + problem), queue);
    open(queue, source === "table" ? table(review) : page(mine), earlier);
  }

  function open(host, { load, sound, orders, labels, classes, model, counts, population }, earlier) {
    Reviewer.mount(host, {
      classes, model, orders, labels, load, sound, population, earlier: earlier.filter(counts), reviewer: reviewer(), named,
      save: row => Api.post("/api/reviews", row),
      async download() {
        const response = await Api.request("/api/reviews");
        Dom.save("reviews.csv", await response.blob());
      },
    });
  }

  // The table of the server.
  function table(review) {
    const classes = review.classes || Models.current().classes;
    let total = review.n, sizes = {};
    return {
      classes, model: review.model || "", labels: [...classes, Queue.NEITHER, Queue.UNSURE], counts: () => true,
      population: label => sizes[label] ?? null,
      orders: Queue.ORDERS.filter(([value]) => value !== "class"),
      // The server leaves out what is answered, and knows nothing of what is skipped here.
      async load({ order, label, open = 0 }) {
        const answer = await Api.json("/api/queue" + Api.query({ order, class: label, n: PAGE + open }));
        total = answer.total ?? total;
        sizes = answer.counts ?? sizes;
        return { items: answer.items, total, answered: answer.answered };
      },
      async sound(item) {
        const response = await Api.request("/api/queue/" + encodeURIComponent(item.id) + "/sound" + Api.query({ context: AROUND_S }));
        const from = Number(response.headers.get("X-Start") ?? Math.max(0, item.start - AROUND_S));
        const file = new File([await response.blob()], "sound.wav");
        return sounds(file, item, from);
      },
    };
  }
  async function sounds(file, item, from) {
    const decoded = await Decode.open(file);
    return { source: decoded.source(null), of: decoded.of, seconds: decoded.seconds, start: item.start - from, end: item.end - from };
  }

  // Recordings of this page: their events, or their windows where there are few of these.
  function items() {
    return Recordings.all().filter(recording => recording.state === "done").flatMap(recording => {
      const rows = recording.detections.length && recording.windows.length > 8 ? recording.detections : recording.windows;
      return rows.map(row => ({
        id: recording.id, recording, path: recording.name, start: row.start, end: row.end, channel: row.channel, label: row.label,
        score: row.score ?? row.probability, outlier_p: row.outlier_p,
      }));
    });
  }
  function page(mine) {
    const classes = mine[0].recording.classes, keys = new Set(mine.map(Queue.key));
    let decoded = null, of = null;
    return {
      classes, model: mine[0].recording.model.name, orders: Queue.ORDERS, labels: [...new Set(mine.map(item => item.label))].sort(),
      counts: row => keys.has(Queue.key(row)),
      population: label => mine.filter(item => item.label === label).length,
      async load({ order, label, more }) {
        const list = more ? [] : Queue.arrange(mine, order, label, Date.now());
        return { items: list, total: list.length };
      },
      async sound(item) {
        if (of !== item.recording) {
          if (decoded) decoded.close();
          [decoded, of] = [await Decode.open(item.recording.file), item.recording];
        }
        const all = decoded.seconds ?? item.end, from = Math.max(0, item.start - AROUND_S), to = Math.min(all, item.end + AROUND_S);
        const source = decoded.source(item.channel), first = source ? Math.round(from * source.rate) : 0;
        return {
          source: source && { ...source, seconds: to - from, samples: (at, n) => source.samples(first + at, n) }, of: decoded.of, offset: from,
          seconds: to - from, start: item.start - from, end: item.end - from,
        };
      },
    };
  }

  return { mount, show };
})();
