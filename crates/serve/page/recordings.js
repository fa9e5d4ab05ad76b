// The Classify tab: files in, verdicts out. Files are sent one after the other; results come in while the server works.
const Recordings = (() => {
  "use strict";
  const { make, button, select, labeled } = Dom;
  const list = [];
  let panel, body, filters, status, detail, running = null, shownTable, overlap = "0", next = 0;
  const filter = { label: "", score: 0 };
  const passes = row => (!filter.label || row.label === filter.label) && (row.probability ?? row.score ?? 1) >= filter.score;

  function mount(host) {
    panel = host;
    const record = button("\u25cf Record", recordOrStop, { class: "record" });
    const area = Files.area("Drop recordings or a folder here.", take);
    area.querySelector(".buttons").append(record);
    area.append(make("p", { class: "faint hint" }, "WAV, FLAC, MP3, Ogg, Opus, AIFF, CAF, M4A and more, of any length. " +
      "Each window of a recording gets an answer: a class, neither, or unsure."));
    const live = make("div", { class: "recorder", hidden: true });
    status = make("p", { class: "faint", role: "status" });
    filters = make("div", { class: "filters", hidden: true });
    body = make("tbody");
    shownTable = Dom.region("Recordings", "recordings", make("table", null,
      Dom.head(["Recording", ["Length", "number"], "Found", make("span", { class: "hidden" }, "Remove")]), body));
    shownTable.hidden = true;
    const inside = make("article", { class: "detail" });
    detail = Recording.mount(inside, { passes, again, fetchTable });
    panel.replaceChildren(area, live, status, filters, shownTable, inside);
    Object.assign(recorder, { button: record, host: live });
    Models.onChange(controls);
    document.addEventListener("dragover", event => { if (open()) event.preventDefault(); });
    document.addEventListener("drop", async event => {
      if (!open()) return;
      event.preventDefault();
      take(await Files.dropped(event.dataTransfer));
    });
  }
  const open = () => panel.offsetParent !== null;

  function controls() {
    const model = Models.current();
    if (!model) return;
    if (filter.label && !model.classes.includes(filter.label) && !["neither", "unsure"].includes(filter.label)) filter.label = "";
    const shown = make("output", null, filter.score.toFixed(2));
    const slider = make("input", { type: "range", min: "0", max: "1", step: "0.01", value: filter.score + "", oninput: event => {
      filter.score = Number(event.target.value);
      shown.value = filter.score.toFixed(2);
      render();
    } });
    const labels = [["", "all labels"], ...[...model.classes, "neither", "unsure"].map(of => [of, of])];
    const open = filters.firstElementChild ? filters.firstElementChild.open : innerWidth > 640;
    filters.replaceChildren(make("details", { class: "settings", open }, make("summary", null, "Filter and settings"), make("div", { class: "controls" },
      labeled("Show", select(labels, filter.label, value => { filter.label = value; render(); }, { class: "by-class" })),
      make("label", null, "from a score of ", slider, shown),
      labeled("Windows overlap by", select([["0", "nothing"], ["0.5", "half"], ["0.75", "three quarters"]], overlap, value => { overlap = value; })))),
      make("span", { class: "buttons" }, button("Stop", stop, { class: "stop" }), button("Download all (CSV)", downloadAll, { class: "download-all" }),
        button("Clear", clear)));
  }

  // Files in.
  function take({ sounds, others }) {
    const limit = Models.all().limits.upload_bytes || Infinity;
    const added = sounds.map(({ path, file }) => add(path, file, limit));
    status.textContent = added.length
      ? Dom.plural(added.length, "recording") + " added" + (others ? "; " + Dom.plural(others, "file") + " without sound left out." : ".")
      : "No recordings among these files.";
    if (added.length && !detail.shown()) show(added[0]);
    render();
    work();
  }
  // What a recording is before the chosen model has seen it.
  function fresh() {
    const model = Models.current();
    return { state: "waiting", model, classes: model ? model.classes : [], windows: [], detections: [], heard: 0, warning: "", error: "" };
  }
  function add(name, file, limit = Infinity) {
    const recording = { id: next++, name, file, seconds: null, ...fresh() };
    if (file.size > limit) {
      const error = name + ": " + Dom.bytes(file.size) + ", and the server takes " + Dom.bytes(limit) + " at most. Use barkbird predict for such files.";
      Object.assign(recording, { state: "failed", error });
    }
    list.push(recording);
    return recording;
  }
  function again(recording) {
    Object.assign(recording, fresh());
    show(recording);
    work();
  }

  async function work() {
    if (running) return;
    for (let recording; (recording = list.find(of => of.state === "waiting"));) {
      running = new AbortController();
      Object.assign(recording, { state: "running" });
      render();
      try {
        await classify(recording, running.signal);
      } catch (error) {
        Object.assign(recording, Api.stopped(error) ? { state: "canceled" } : { state: "failed", error: error.message });
      }
      running = null;
      render();
    }
    const done = list.filter(of => of.state === "done").length;
    status.textContent = done + " of " + Dom.plural(list.length, "recording") + " classified.";
  }
  const path = (recording, events, format) => "/api/predict" + Api.query({ model: recording.model.name, name: recording.name, events, overlap, format });
  async function classify(recording, signal) {
    let failed = null;
    const options = { method: "POST", body: recording.file, headers: { "Content-Type": "application/octet-stream" }, signal };
    await Api.events(path(recording, true), options, (name, data) => {
      if (name === "windows") recording.windows.push(...data.windows);
      else if (name === "progress") recording.heard = data.seconds;
      else if (name === "error") failed = new Api.Failure(data.error.message, data.error.code, 0);
      else if (name === "result") {
        Object.assign(recording, {
          state: "done", classes: data.classes, detections: data.detections || [],
          seconds: data.recording.seconds, warning: data.recording.warning || "",
        });
        if (data.windows) recording.windows = data.windows;
      }
      row(recording);
      if (detail.shown() === recording) detail.update(name === "result");
    });
    if (failed) throw failed;
    if (recording.state !== "done") throw new Error(recording.name + ": the server ended its answer early. Try again.");
  }
  function stop() {
    for (const recording of list) if (recording.state === "waiting") recording.state = "canceled";
    if (running) running.abort();
    render();
  }
  function clear() {
    stop();
    list.length = 0;
    detail.close();
    status.textContent = "";
    render();
  }

  // Tables.
  async function fetchTable(recording, format, events) {
    const response = await Api.upload(path(recording, events, format), recording.file);
    const stem = recording.name.split("/").pop().replace(/\.[^.]+$/, "");
    const given = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") || "");
    return { name: given ? given[1] : stem + "." + format + ".txt", blob: await response.blob() };
  }
  // Tables of one model have the same header, which stands once.
  async function downloadAll() {
    const done = list.filter(of => of.state === "done"), lines = [];
    try {
      for (const [i, recording] of done.entries()) {
        status.textContent = "Table " + (i + 1) + " of " + done.length + "\u2026";
        const text = await (await fetchTable(recording, "csv", false)).blob.text();
        const end = text.indexOf("\n") + 1, head = text.slice(0, end);
        if (lines.length === 0) lines.push(head);
        else if (lines[0] !== head) throw new Error("the recordings were classified by different models; classify them again with one.");
        lines.push(text.slice(end));
      }
      Dom.save("predictions.csv", lines.join(""), "text/csv");
      status.textContent = "predictions.csv: " + Dom.plural(done.length, "recording") + ".";
    } catch (error) {
      status.textContent = "Not downloaded: " + error.message;
    }
  }

  // The list.
  function show(recording) {
    detail.open(recording);
    render();
  }
  function found(recording) {
    const { state, windows, detections, classes, heard, error } = recording;
    if (state === "waiting") return [make("span", { class: "faint" }, "waits")];
    if (state === "canceled") return [make("span", { class: "faint" }, "stopped")];
    if (state === "failed") return [make("span", { class: "failed" }, error)];
    const by = new Map();
    for (const row of windows) by.set(row.label, (by.get(row.label) || 0) + 1);
    const only = windows.length === 1 ? windows[0] : null;
    const parts = only
      ? [Dom.tag(classes, only.label), " ", Dom.faint(Dom.percent(only.probability) + (only.outlier_p === null ? "" : ", p " + only.outlier_p.toFixed(3)))]
      : [...by].sort((a, b) => b[1] - a[1]).slice(0, 6).flatMap(([label, n]) => [Dom.tag(classes, label), " " + n + "\u2002"]);
    if (state === "running") parts.push(make("span", { class: "faint" }, heard ? Dom.time(heard, 1) + " done" : "sending\u2026"));
    else if (!only && detections.length) parts.push(make("span", { class: "faint" }, Dom.plural(detections.length, "event")));
    return parts;
  }
  function row(recording) {
    const at = recording.element;
    if (!at || (recording.state === "running" && performance.now() - (recording.drawn || 0) < 300)) return;
    recording.drawn = performance.now();
    const [, length, what] = at.children;
    length.textContent = recording.seconds === null ? "" : Dom.time(recording.seconds, 0.1);
    what.replaceChildren(...found(recording));
  }
  function render() {
    filters.hidden = shownTable.hidden = list.length === 0;
    panel.classList.toggle("with-list", list.length > 0);
    const rows = list.filter(recording => recording.state !== "done" || !(filter.label || filter.score) || recording.windows.some(passes));
    body.replaceChildren(...rows.map(recording => {
      const remove = () => {
        list.splice(list.indexOf(recording), 1);
        if (recording.state === "running" && running) running.abort();
        if (detail.shown() === recording) detail.close();
        render();
      };
      const open = () => { show(recording); detail.heading.focus({ preventScroll: true }); }, isShown = detail.shown() === recording;
      const name = button(recording.name, open, { class: "link", "aria-current": isShown ? "true" : null });
      recording.element = make("tr", { class: isShown ? "current" : null, "data-state": recording.state },
        make("th", { scope: "row" }, name), Dom.figure(""), make("td"),
        make("td", null, button("\u00d7", remove, { class: "remove", "aria-label": "Remove " + recording.name })));
      recording.drawn = 0;
      row(recording);
      return recording.element;
    }));
    const more = list.length - rows.length;
    if (more) body.append(make("tr", null, make("td", { colspan: "4", class: "faint" }, more + " more have nothing with this filter.")));
    const stopper = filters.querySelector(".stop"), all = filters.querySelector(".download-all");
    if (stopper) stopper.hidden = !list.some(of => of.state === "waiting" || of.state === "running");
    if (all) all.hidden = list.filter(of => of.state === "done").length < 2;
    detail.update(true);
  }

  // Recording from the microphone.
  const recorder = { button: null, host: null, microphone: null, parts: [] };
  async function recordOrStop() {
    if (recorder.microphone) { finish(); return; }
    const canvas = make("canvas", { class: "running", width: "900", height: "160", role: "img", "aria-label": "Spectrogram of what the microphone hears" });
    const clock = make("p", { class: "faint" });
    let picture = null, n = 0;
    recorder.parts = [];
    recorder.button.disabled = true;
    try {
      recorder.microphone = await Microphone.open(samples => {
        if (!picture) return;
        recorder.parts.push(samples);
        n += samples.length;
        picture.push(samples);
        clock.textContent = "Recording: " + Dom.time(n / recorder.microphone.rate, 0.1);
        // Ten minutes are enough for a page; longer recordings are made with a recorder.
        if (n / recorder.microphone.rate >= 600) finish();
      });
      picture = Spectrogram.running(canvas, recorder.microphone.rate, 10);
      recorder.host.replaceChildren(canvas, clock);
      recorder.host.hidden = false;
      recorder.button.textContent = "\u25a0 Stop and classify";
      status.textContent = "Recording.";
    } catch (error) {
      status.textContent = error.message;
    }
    recorder.button.disabled = false;
  }
  function finish() {
    const { microphone, parts } = recorder;
    microphone.stop();
    recorder.microphone = null;
    recorder.host.hidden = true;
    recorder.button.textContent = "\u25cf Record";
    if (!parts.length) { status.textContent = "Nothing was recorded."; return; }
    const now = new Date(), two = value => String(value).padStart(2, "0");
    const stamp = now.getFullYear() + two(now.getMonth() + 1) + two(now.getDate()) + "_" + two(now.getHours()) + two(now.getMinutes()) + two(now.getSeconds());
    const name = "microphone_" + stamp + ".wav";
    show(add(name, Wav.make(parts, microphone.rate, name)));
    work();
  }

  return { mount, all: () => list };
})();
