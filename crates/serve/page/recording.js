// One recording in detail: spectrogram with windows and events, the verdict on the chosen one, the table, downloads.
const Recording = (() => {
  "use strict";
  const { make, button, select, labeled, number } = Dom;
  const MOST_ROWS = 200;
  const FORMATS = [
    ["csv", "CSV"], ["jsonl", "JSON lines"], ["raven", "Raven"], ["audacity", "Audacity"], ["kaleidoscope", "Kaleidoscope"], ["birdnet", "BirdNET CSV"],
    ["birdnet-table", "BirdNET table"],
  ];

  // `passes(row)` is the filter of the page; `again(recording)` classifies once more; `fetchTable(recording, format, events)` is a promise
  // of a file.
  function mount(host, { passes, again, fetchTable }) {
    let recording = null, decoded = null, kind = null, channel = null, most = MOST_ROWS, lanesAt = 0;
    const title = make("h2", { tabindex: "-1" }), summary = make("p"), note = make("p", { class: "faint" }), warning = make("p", { class: "problem", hidden: true });
    const picture = make("div"), verdict = make("div", { class: "verdict-panel" });
    const viewer = Viewer.mount(picture, {
      label: "Spectrogram. Click a window to hear it, drag to mark a range. Keys: plus and minus zoom, left and right scroll, up and down choose, space plays.",
      pick: span => {
        Verdict.show(verdict, span.window, recording);
        spoken.textContent = span.label + ", " + Dom.time(span.start) + " to " + Dom.time(span.end);
      },
    });
    const spoken = make("p", { class: "hidden", role: "status" });
    const channels = make("div", { class: "controls", hidden: true });
    const table = make("div");
    const kinds = make("div", { class: "controls" });
    const format = select(FORMATS, "csv", () => {}, { "aria-label": "Format" });
    const message = make("span", { class: "faint", role: "status" });
    const download = button("Download", async () => {
      message.textContent = "Classifying once more for the table\u2026";
      try {
        const { name, blob } = await fetchTable(recording, format.value, kind === "events");
        Dom.save(name, blob);
        message.textContent = name;
      } catch (error) {
        message.textContent = "Not downloaded: " + error.message;
      }
    }, { class: "download" });
    const redo = button("Classify again", () => again(recording));
    host.replaceChildren(title, summary, warning, note, channels, picture, spoken, verdict,
      make("div", { class: "row-head" }, kinds, make("div", { class: "controls" }, labeled("Table as", format), download, redo, message)), table);

    async function open(of) {
      const own = recording = of;
      [kind, channel, most, greeted] = [null, null, MOST_ROWS, false];
      host.hidden = false;
      title.textContent = of.name;
      message.textContent = "";
      note.textContent = "Reading\u2026";
      verdict.replaceChildren();
      if (decoded) decoded.close();
      decoded = null;
      viewer.open(null, null, of.seconds || 1);
      update(true);
      const unread = error => ({ seconds: null, channels: 1, of: null, source: () => null, close() {}, note: "The file cannot be read: " + error.message });
      const result = await Decode.open(of.file).catch(unread);
      if (recording !== own) { result.close(); return; }
      decoded = result;
      note.textContent = result.note;
      look();
      update(true);
    }
    const spanOf = row => ({ start: row.start, end: row.end });
    function look() {
      if (!decoded) return;
      const seconds = decoded.seconds || recording.seconds || lastEnd() || 1;
      viewer.open(decoded.source(channel), decoded.of, seconds);
      picture.dataset.source = decoded.source(channel) ? "spectrogram" : "none";
    }
    const lastEnd = () => recording.windows.reduce((end, row) => Math.max(end, row.end), 0);
    const inChannel = row => channel === null || row.channel === null || row.channel === channel;

    // The recording has more rows, or the filter is another one. Rows come in many small pieces: lanes are made anew twice a second.
    function update(now) {
      if (!recording) return;
      if (!now && recording.state === "running" && performance.now() - lanesAt < 500) return;
      lanesAt = performance.now();
      const { state, windows, detections } = recording;
      if (kind === null && state === "done") kind = detections.length && windows.length > 8 ? "events" : "windows";
      const numbers = [...new Set(windows.map(row => row.channel).filter(value => value !== null))].sort((a, b) => a - b);
      channels.hidden = numbers.length < 2;
      if (numbers.length > 1 && channels.childElementCount === 0 || channels.dataset.n !== String(numbers.length)) {
        channels.dataset.n = numbers.length;
        channel = numbers.length > 1 ? numbers[0] : null;
        const choice = numbers.map(value => [value + "", value + ""]);
        channels.replaceChildren(labeled("Channel", select(choice, channel + "", value => { channel = Number(value); look(); update(true); })));
        if (decoded && numbers.length > 1) look();
      }
      if (decoded && decoded.seconds === null && state !== "running") look();
      summary.replaceChildren(...describe());
      warning.hidden = !recording.warning && !recording.error;
      warning.textContent = recording.error || recording.warning || "";
      redo.disabled = state === "running" || state === "waiting";
      download.disabled = state !== "done";
      lanes();
      choices();
      rows();
      if (state === "done" && decoded && !viewer.chosen() && !greeted) {
        greeted = true;
        const best = mostCertain();
        if (best) viewer.choose(best, false);
      }
    }
    // What is shown first: the event with the highest score, or the surest window where there is no event.
    let spans = { windows: [], events: [] }, greeted = false;
    function mostCertain() {
      const score = span => (span.row.label === "unsure" || span.row.label === "neither" ? -1 : 0) + (span.row.score ?? span.row.probability);
      return [spans.events, spans.windows].map(list => list.reduce((best, span) => !best || score(span) > score(best) ? span : best, null)).find(Boolean);
    }
    function lanes() {
      const was = viewer.chosen(), { classes } = recording;
      const span = (row, window) => ({
        ...spanOf(row), label: row.label, tone: Dom.tone(classes, row.label), row, get window() { return window(row); },
        pale: row.label === "unsure" || row.label === "neither" || !passes(row),
      });
      const windows = recording.windows.filter(inChannel).map(row => span(row, row => row));
      const events = recording.detections.filter(inChannel).map(row => span(row, strongest));
      spans = { windows, events };
      const lists = [{ name: "windows", spans: windows }];
      if (events.length) lists.push({ name: "events", spans: events });
      viewer.lanes(lists);
      if (was) {
        const same = [...windows, ...events].find(of => of.row === was.row);
        if (same) viewer.keep(same);
      }
    }
    // The window that an event is most sure in, with the event's place and label.
    function strongest(event) {
      const at = recording.classes.indexOf(event.label);
      const within = recording.windows.filter(row => row.channel === event.channel && row.start < event.end && row.end > event.start);
      const best = within.sort((a, b) => (b.probabilities[at] ?? 0) - (a.probabilities[at] ?? 0))[0];
      const plain = { probabilities: recording.classes.map(of => of === event.label ? event.score : NaN), silent: false, nearest: [] };
      const { start, end, channel, label } = event;
      return { ...(best || plain), start, end, channel, label, outlier_p: event.outlier_p ?? best?.outlier_p ?? null };
    }

    function describe() {
      const { state, windows, detections, classes, model } = recording;
      if (state === "waiting") return ["Waits for its turn."];
      if (state === "failed" || state === "canceled") return [state === "failed" ? "Not classified." : "Stopped."];
      const by = new Map();
      for (const row of windows) by.set(row.label, (by.get(row.label) || 0) + 1);
      const parts = [...by].sort((a, b) => b[1] - a[1]).flatMap(([label, n]) => [Dom.tag(classes, label), " " + n + "\u2002"]);
      const head = Dom.plural(windows.length, "window") + (state === "done" ? ", " + Dom.plural(detections.length, "event") + ": " : " so far: ");
      return [head, ...parts, make("span", { class: "faint" }, "by " + model.name)];
    }

    // The table of windows or events.
    function choices() {
      if (kind === null) { kinds.replaceChildren(); return; }
      const choose = value => { [kind, most] = [value, MOST_ROWS]; choices(); rows(); };
      const one = (value, text, n) => button(text + " (" + n + ")", () => choose(value), { "aria-pressed": String(kind === value), class: "toggle" });
      kinds.replaceChildren(one("windows", "Windows", recording.windows.length), one("events", "Events", recording.detections.length));
    }
    function rows() {
      if (kind === null) { table.replaceChildren(); return; }
      const all = (kind === "events" ? recording.detections : recording.windows).filter(passes);
      const withChannel = all.some(row => row.channel !== null);
      const line = row => {
        const span = Dom.time(row.start) + " to " + Dom.time(row.end);
        return make("tr", null, make("th", { scope: "row" }, button(span, () => jump(row), { class: "link", "aria-label": "Play " + row.label + ", " + span })),
          withChannel ? Dom.figure(row.channel ?? "") : null, make("td", null, Dom.tag(recording.classes, row.label)),
          Dom.figure(number(row.probability ?? row.score, 2)), Dom.figure(number(row.outlier_p, 3)));
      };
      const score = kind === "events" ? "Score" : "Probability";
      if (!all.length) {
        table.replaceChildren(make("p", { class: "faint" }, (kind === "events" ? "No events" : "No windows") + " with this filter."));
        return;
      }
      table.replaceChildren(Dom.region(kind === "events" ? "Events" : "Windows", "rows-box", make("table", { class: "rows" },
        Dom.head(["Play", withChannel ? ["Channel", "number"] : null, "Label", [score, "number"], ["p-value", "number"]]),
        make("tbody", null, all.slice(0, most).map(line)))),
      all.length > most ? button("Show more (" + (all.length - most) + " left)", () => { most += 1000; rows(); }) : "");
    }
    function jump(row) {
      const window = kind === "events" ? strongest(row) : row;
      if (row.channel !== null && channel !== null && row.channel !== channel) {
        channel = row.channel;
        channels.querySelector("select").value = channel + "";
        look();
        lanes();
      }
      viewer.choose({ ...spanOf(row), label: row.label, window, row, tone: 8 }, true);
      picture.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    }
    function close() {
      Sound.stop();
      if (decoded) decoded.close();
      [recording, decoded] = [null, null];
      host.hidden = true;
    }
    host.hidden = true;
    return { open, update, close, shown: () => recording, heading: title };
  }

  return { mount };
})();
