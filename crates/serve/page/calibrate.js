// A model for the place of the table that is reviewed, made on the server from the answers; below the queue.
const Calibrate = (() => {
  "use strict";
  const { make, button, labeled, plural } = Dom;
  const LEAST = 10, POLL_S = 0.5;
  const WORDS = { waiting: "waits for another calibration", running: "running", done: "done", refused: "not made", failed: "failed", canceled: "canceled" };
  const isActive = of => of.state === "running" || of.state === "waiting";
  let section, hint, form, name, list, status, model = () => "", n = 0, usual = "", known = [], watching = null;

  // `of()` is the name of the model that is calibrated.
  function mount(host, of) {
    model = of;
    usual = "";
    name = make("input", {
      type: "text", maxlength: "60", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", title: "letters, digits, dots and dashes",
    });
    hint = make("p", { class: "faint" });
    form = make("div", { class: "controls", hidden: true }, labeled("Name of the new model", name),
      button("Calibrate with these answers", start, { class: "primary" }));
    status = make("p", { role: "status" });
    list = make("div");
    section = make("section", { class: "calibrate", "aria-label": "A model for this place" }, make("h3", null, "A model for this place"), hint, form, status, list);
    host.replaceChildren(section);
    count(0);
    show();
  }

  // How many answers name a class, or neither.
  function count(answers) {
    n = answers;
    form.hidden = n < LEAST;
    const of = "the line between the classes of " + model() + " to this place";
    hint.textContent = n < LEAST
      ? "Ten answers that name a class can move " + of + "; there " + (n === 1 ? "is " : "are ") + n + " so far."
      : plural(n, "answer") + " can move " + of + ". The new model is offered beside it.";
    // What somebody has typed stays.
    if (name.value !== usual) return;
    usual = model().slice(0, 50) + "-here";
    name.value = usual;
  }

  async function start() {
    if (!name.reportValidity()) return;
    try {
      await Api.post("/api/calibrations", { model: model(), name: name.value });
      status.textContent = "Calibration has begun.";
    } catch (error) {
      status.textContent = "Not started: " + error.message;
    }
    show();
  }

  async function show() {
    const own = section;
    try {
      known = (await Api.json("/api/calibrations")).calibrations;
    } catch (error) {
      status.textContent = "Calibrations cannot be listed: " + error.message;
      return;
    }
    if (own !== section) return;
    draw();
    if (known.some(isActive)) watch(own);
  }
  // Asks again until nothing runs any more.
  async function watch(own) {
    if (watching === own) return;
    watching = own;
    while (own === section && own.isConnected && known.some(isActive)) {
      await Api.wait(POLL_S);
      const before = known;
      await show();
      const over = known.filter(of => !isActive(of) && before.some(other => other.id === of.id && isActive(other)));
      for (const of of over) status.textContent = of.name + ": " + (WORDS[of.state] || of.state) + ".";
      if (over.some(of => of.model)) await Models.load().catch(() => { /* The list of models stays as it was. */ });
    }
    watching = null;
  }

  // Only what has changed is drawn again, and the focus stays on its button.
  function draw() {
    const old = new Map([...list.children].map(card => [card.dataset.id, card]));
    const focused = list.querySelector(".controls > button:focus"), at = focused ? [...focused.parentElement.children].indexOf(focused) : -1;
    const id = focused?.closest("article").dataset.id;
    const cards = known.slice().reverse().map(of => {
      const before = old.get(of.id), seen = JSON.stringify(of);
      if (before && before.seen === seen) return before;
      return Object.assign(card(of), { seen });
    });
    list.replaceChildren(...cards);
    if (at < 0) return;
    cards.find(card => card.dataset.id === id)?.querySelector(".controls").children[at]?.focus();
  }
  function card(of) {
    const bar = make("progress", { "aria-label": "Progress of " + of.name, max: Math.max(1, of.total || 0) + "" });
    if (of.total) bar.value = of.done || 0;
    const remove = async () => {
      try {
        await Api.request("/api/calibrations/" + encodeURIComponent(of.id), { method: "DELETE" });
        if (of.model) await Models.load();
      } catch (error) {
        status.textContent = error.message;
      }
      show();
    };
    return make("article", { class: "tool", "data-state": of.state, "data-id": of.id },
      make("h4", null, of.name, " ", make("span", { class: "faint" }, (WORDS[of.state] || of.state) + ", from " + of.from + " and " + plural(of.answers, "answer"))),
      of.state === "running" ? [make("p", null, of.total ? of.done + " of " + of.total + " answers heard" : "Working"), bar] : null,
      of.error ? make("p", { class: "problem" }, [of.error, of.advice].filter(Boolean).join(" ")) : null,
      make("div", { class: "controls" },
        of.model ? button("Use this model", () => use(of.model), { class: "use" }) : null,
        button(isActive(of) ? "Cancel" : "Remove", remove, { "aria-label": (isActive(of) ? "Cancel " : "Remove ") + of.name })),
      of.messages.length ? make("details", { open: of.state === "done" }, make("summary", null, "Messages"), make("pre", null, of.messages.join("\n"))) : null);
  }
  async function use(chosen) {
    await Models.load(chosen);
    App.open("classify");
  }

  return { mount, count, refresh: () => count(n) };
})();
