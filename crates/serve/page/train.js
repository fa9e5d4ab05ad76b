// The Train tab: folders of recordings in, a model out.
const Train = (() => {
  "use strict";
  const { make, button, select, labeled } = Dom;
  const LEAST_CLIPS = 10;
  let panel, form, list, status, go, name, minutes, fits, given = [], known = [], uploading = null, watched = new Set();

  function mount(host) {
    panel = host;
    name = make("input", {
      type: "text", value: "my-model", maxlength: "60", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", title: "letters, digits, dots and dashes",
    });
    minutes = make("input", { type: "number", value: "10", min: "1", max: "1440", step: "1" });
    go = button("Train", start, { class: "primary" });
    list = make("div");
    status = make("p", { role: "status" });
    fits = make("div");
    form = make("div", null,
      Files.area("Drop a folder for each class, such as dog and bird, or one folder that has them.", take, { folderOnly: true }),
      list, make("div", { class: "controls" }, labeled("Name", name), make("label", null, "At most ", minutes, " minutes"), go), status);
    panel.replaceChildren(form, fits);
    document.addEventListener("drop", async event => {
      if (panel.offsetParent === null) return;
      event.preventDefault();
      take(await Files.dropped(event.dataTransfer));
    });
    document.addEventListener("dragover", event => { if (panel.offsetParent !== null) event.preventDefault(); });
    render();
  }

  const ROOTS = [["class", "is a class"], ["set", "has a folder for each class"]];
  const folderOf = ({ name }) => name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : "";

  // What to train on.
  function take({ sounds, others }) {
    const roots = Folders.roots(sounds);
    given = [...given.filter(of => !roots.some(root => root.name === of.name)), ...roots];
    const left = others ? Dom.plural(others, "file") + " without sound left out." : "";
    status.textContent = roots.length ? left : "These are no folders with recordings. Drop folders, one a class.";
    render();
  }
  function render() {
    const classes = Folders.classes(given), limit = Models.all().limits.fit_bytes || Infinity;
    const all = [...classes.values()].flat(), bytes = all.reduce((sum, { file }) => sum + file.size, 0);
    const few = [...classes].filter(([, clips]) => clips.length < LEAST_CLIPS).map(([of]) => of);
    const problem = !given.length ? "" : classes.size < 2 ? "A model needs two classes at least: add another folder."
      : bytes > limit ? Dom.bytes(bytes) + " are more than the server takes (" + Dom.bytes(limit) + ")." : "";
    go.disabled = Boolean(uploading) || !given.length || problem !== "";
    const folder = root => make("div", { class: "controls" }, make("span", null, "Folder ", make("strong", null, root.name)),
      select(ROOTS, root.isClass ? "class" : "set", value => { root.isClass = value === "class"; render(); },
        { "aria-label": "What the folder " + root.name + " is" }),
      button("Remove", () => { given.splice(given.indexOf(root), 1); render(); }, { "aria-label": "Remove the folder " + root.name }));
    const line = ([of, clips]) => make("tr", { "data-class": of }, make("th", { scope: "row" }, of), Dom.figure(clips.length),
      Dom.figure(new Set(clips.map(folderOf)).size), Dom.figure(Dom.bytes(clips.reduce((sum, { file }) => sum + file.size, 0))));
    list.replaceChildren(...(given.length ? [
      ...given.map(folder),
      Dom.region("Classes", "", make("table", { class: "classes" }, Dom.head(["Class", ["Recordings", "number"], ["Folders", "number"], ["Size", "number"]]),
        make("tbody", null, [...classes].map(line)))),
      problem ? make("p", { class: "problem" }, problem) : "",
      few.length && !problem ? make("p", { class: "faint" }, "Few recordings of " + few.join(", ") +
        ": 50 or more of each class, from several places, give a useful model.") : "",
    ] : []));
  }

  async function start() {
    if (!name.reportValidity() || !minutes.reportValidity()) return;
    const classes = Folders.classes(given), clips = [...classes].flatMap(([label, all]) => all.map(clip => ({ label, ...clip })));
    uploading = new AbortController();
    const own = uploading;
    const bar = make("progress", { max: clips.length + "", value: "0", "aria-label": "Upload" });
    let id = null;
    render();
    try {
      status.replaceChildren("Sending " + Dom.plural(clips.length, "recording") + "\u2026 ", button("Cancel", () => own.abort()), bar);
      id = (await (await Api.post("/api/fits", { name: name.value, minutes: Number(minutes.value) })).json()).id;
      const path = "/api/fits/" + encodeURIComponent(id);
      for (const [i, clip] of clips.entries()) {
        await Api.upload(path + "/clips" + Api.query({ class: clip.label, name: clip.name }), clip.file, { method: "PUT", signal: own.signal });
        bar.value = i + 1;
      }
      await Api.request(path + "/start", { method: "POST", signal: own.signal });
      status.textContent = "Training has begun.";
      given = [];
    } catch (error) {
      status.textContent = Api.stopped(error) ? "Canceled." : "Not started: " + error.message;
      // What was never started, the server removes by itself.
      if (id !== null) await Api.request("/api/fits/" + encodeURIComponent(id), { method: "DELETE" }).catch(() => {});
    }
    uploading = null;
    render();
    show();
  }

  // Trainings: those of this server, whoever began them.
  async function show() {
    if (!Models.all().can_fit) {
      panel.replaceChildren(make("p", null, "This server does not train."),
        make("p", { class: "faint" }, "It was started with --no-fit, or has no pretrained network (--backbone)."));
      return;
    }
    if (!panel.contains(form)) panel.replaceChildren(form, fits);
    render();
    try {
      known = (await Api.json("/api/fits")).fits;
    } catch (error) {
      fits.replaceChildren(make("p", { class: "problem", role: "alert" }, "Trainings cannot be listed: " + error.message));
      return;
    }
    drawn();
    for (const fit of known) if (["running", "waiting"].includes(fit.state)) watch(fit.id);
  }
  function drawn() {
    const shown = known.filter(fit => fit.state !== "uploading");
    fits.replaceChildren(...(shown.length ? [make("h3", null, "Trainings"), ...shown.slice().reverse().map(card)] : []));
  }
  const WORDS = { waiting: "waits for another training", running: "running", done: "done", failed: "failed", canceled: "canceled" };
  function card(fit) {
    const active = ["running", "waiting"].includes(fit.state);
    const bar = make("progress", { "aria-label": "Progress of " + fit.name, max: Math.max(1, fit.total || 0) + "" });
    if (fit.total) bar.value = fit.done || 0;
    const remove = async () => {
      try {
        await Api.request("/api/fits/" + encodeURIComponent(fit.id), { method: "DELETE" });
      } catch (error) {
        status.textContent = error.message;
      }
      show();
    };
    return make("article", { class: "tool fit", "data-state": fit.state, "data-id": fit.id },
      make("h4", null, fit.name, " ", make("span", { class: "faint" }, WORDS[fit.state] || fit.state)),
      make("p", { class: "faint" }, Object.entries(fit.classes || {}).map(([of, n]) => of + " " + n).join(", ")),
      fit.state === "running" ? [make("p", { role: "status" }, (fit.task || "Working") + (fit.total ? ": " + fit.done + " of " + fit.total : "")), bar] : null,
      fit.error ? make("p", { class: "problem" }, fit.error) : null,
      make("div", { class: "controls" },
        fit.report ? make("a", { href: fit.report, target: "_blank", rel: "noopener", class: "report" }, "Open the report") : null,
        fit.model ? button("Use this model", () => use(fit.model), { class: "use" }) : null,
        button(active ? "Cancel" : "Remove", remove)),
      fit.messages && fit.messages.length ? make("details", null, make("summary", null, "Messages"), make("pre", null, fit.messages.join("\n"))) : null);
  }
  async function use(model) {
    await Models.load(model);
    App.open("classify");
  }
  async function watch(id) {
    if (watched.has(id)) return;
    watched.add(id);
    try {
      await Api.events("/api/fits/" + encodeURIComponent(id) + "/events", {}, (event, fit) => {
        if (event !== "state") return;
        const at = known.findIndex(of => of.id === id);
        if (at < 0) return;
        known[at] = fit;
        const old = [...fits.querySelectorAll("article")].find(of => of.dataset.id === String(id));
        const open = old?.querySelector("details")?.open, fresh = card(fit);
        if (open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
        if (old) old.replaceWith(fresh);
      });
    } catch (error) {
      status.textContent = error.message;
    }
    // A stream that breaks is asked for again, but not at once.
    await Api.wait(0.5);
    watched.delete(id);
    await show();
    const fit = known.find(of => of.id === id);
    if (fit && WORDS[fit.state]) status.textContent = fit.name + ": " + WORDS[fit.state] + ".";
    await Models.load().catch(() => { /* The list of models stays as it was. */ });
  }

  return { mount, show };
})();
