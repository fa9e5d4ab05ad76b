// The review queue on a page: one detection after the other, answered by key or button, and what the answers say about each class.
const Reviewer = (() => {
  "use strict";
  const { make, button, select, labeled, percent, number, plural } = Dom;
  const TARGETS = [0.8, 0.9, 0.95, 0.99];
  // What an interval is of: the table that is reviewed, or what else could have been recorded.
  const OF_TABLE = "How often the detections of this table are right, with exact 95\u00a0% intervals of the share of all its detections of a class " +
    "(hypergeometric: each answer leaves fewer to ask). They say nothing of other recordings. ";
  const OF_FUTURE = "How often detections of a class are right, with exact (Clopper-Pearson) 95\u00a0% intervals for recordings to come that are " +
    "like these, taking detections as independent. ";
  const ABOUT = "Threshold: from this score on, a detection is right with at least the chosen probability; with 80\u00a0% confidence, by logistic " +
    "calibration.";
  const SCOPES = [["table", "this table"], ["future", "recordings to come"]];
  const BY_SCORE = "Some of these detections were chosen by their score, not at random: the precision and its interval are not those of all " +
    "detections. They need a random order. The thresholds take scores into account.";
  const EARLIER = "Earlier answers count, too; the order in which they were asked is not known. The intervals hold if it was a random one.";

  // `host` gets the queue. Options:
  // classes, model: of the table; orders: of Queue.ORDERS; labels: what can be chosen to look at;
  // population(label): detections of a label in the whole table, or null where that is not known;
  // load({ order, label, more, open }): promise of { items, total, answered }: `total` counts all, `answered` those that are left
  // out of `items` since they have an answer; `more` is true where further items of the same order are wanted, and
  // `open` is how many here have no answer;
  // sound(item): promise of { source, of, seconds, offset, start, end }, `start` and `end` being the detection in that sound, which begins
  // at `offset` of what `of` plays;
  // earlier: rows from before; save(row): promise, for each new row; reviewer: name to begin with, named(name): it was changed;
  // download(rows): the CSV is wanted; table(path): promise, the Raven table of this recording is wanted (none where that cannot be had).
  function mount(host, options) {
    const { classes, model } = options;
    let session = null, order = options.orders[0][0], label = "", total = 0, before = 0, loading = false, ended = false, shown = null;
    let reviewer = options.reviewer || "", wanted = 0.9, scope = "table", rows = [...(options.earlier || [])];
    let unsaved = [], saving = false, generation = 0;
    // Only what is drawn at random is a fair sample of a class.
    let chosenByScore = false;
    const hadEarlier = rows.length > 0;

    const bar = make("progress", { max: "1", value: "0", "aria-label": "Progress of the review" });
    const status = make("p", { class: "faint", role: "status" });
    const problem = make("p", { class: "problem", role: "alert", hidden: true });
    const headline = make("h3", { class: "review-headline", tabindex: "-1" });
    const place = make("p", { class: "faint review-place" });
    // What a screen reader says when another detection comes.
    const spoken = make("p", { class: "hidden", role: "status" });
    const picture = make("div");
    const viewer = Viewer.mount(picture, { label: "Spectrogram of the detection. Space plays it, plus and minus zoom.", height: 200 });
    const answers = make("div", { class: "answers" });
    const given = make("p", { class: "given" });
    const table = make("p", { class: "faint", hidden: true }, "Answers about this recording: ", button("Raven table", ravenTable, { class: "link" }));
    const card = make("section", { class: "review-card", "aria-label": "Detection to review" }, headline, place, picture, given, answers, table);
    const finished = make("div", { class: "tool", hidden: true });
    const figures = make("div", { class: "precision" });
    const name = make("input", {
      type: "text", value: reviewer, autocomplete: "off", size: "12", maxlength: "80",
      onchange: () => { reviewer = name.value.trim(); if (options.named) options.named(reviewer); },
    });
    const autoplay = make("input", { type: "checkbox", checked: true });
    // On a phone the buttons to answer with come first.
    const settings = make("details", { class: "settings", open: innerWidth > 640 }, make("summary", null, "Order, name and download"));
    settings.append(make("div", { class: "controls" },
      labeled("Order", select(options.orders, order, value => { order = value; start(); })),
      labeled("Detections of", select([["", "all classes"], ...options.labels.map(of => [of, of])], "", value => { label = value; start(); })),
      labeled("Your name", name),
      make("label", null, autoplay, " Play each sound"),
      button("Download CSV", download)));
    const keys = make("details", { class: "keys" }, make("summary", null, "Keys"), keyList());
    host.replaceChildren(settings, make("div", { class: "review-progress" }, bar, status), problem, card, spoken, finished, keys, figures);

    function keyList() {
      const list = [["y", "right"], ["x", "wrong"], ...classes.slice(0, 9).map((of, i) => [i + 1 + "", of]), ["n", "neither: none of the classes"],
        ["s", "skip"], ["u", "undo"], ["space", "play or stop"], ["\u2190 \u2192", "previous, next"]];
      return make("dl", null, list.map(([key, what]) => make("div", null, make("dt", null, make("kbd", null, key)), make("dd", null, what))));
    }

    async function download() {
      try {
        await options.download(rows);
      } catch (error) {
        complain("Not downloaded: " + error.message);
      }
    }

    async function ravenTable() {
      try {
        await options.table(session.current().path);
      } catch (error) {
        complain("No table: " + error.message);
      }
    }

    // Loading.
    async function start() {
      const own = ++generation;
      [session, shown, ended] = [null, null, false];
      viewer.open(null, null, 1);
      headline.textContent = "Loading\u2026";
      try {
        const { items, total: all, answered = 0 } = await options.load({ order, label, more: false });
        if (own !== generation) return;
        [total, before] = [all, answered];
        session = Queue.create({ items, classes, model, reviewer: () => reviewer, earlier: rows, emit });
        rows = session.rows();
        complain("");
      } catch (error) {
        if (own === generation) complain(error.message);
        return;
      }
      render();
    }
    async function more() {
      if (loading || ended || !session) return;
      loading = true;
      const [own, of] = [generation, session], { n, answered } = of.progress();
      try {
        const { items } = await options.load({ order, label, more: true, open: n - answered });
        if (own === generation) ended = of.add(items) === 0;
        if (own === generation && !of.current()) of.again();
      } catch (error) {
        if (own === generation) complain(error.message);
      } finally {
        loading = false;
      }
      if (own === generation) render();
    }
    function complain(text, ...actions) {
      problem.hidden = !text;
      problem.replaceChildren(text, ...actions);
    }

    // Saving: in the order of the answers; what could not be saved is kept and can be tried again.
    function emit(row) {
      if (!Queue.FAIR.includes(order)) chosenByScore = true;
      unsaved.push(row);
      flush();
    }
    async function flush() {
      if (saving) return;
      saving = true;
      try {
        while (unsaved.length) {
          await options.save(unsaved[0]);
          unsaved.shift();
        }
        complain("");
      } catch (error) {
        complain(plural(unsaved.length, "answer") + " not saved: " + error.message + " ", button("Try again", flush));
      } finally {
        saving = false;
      }
    }

    // Showing.
    function render() {
      const item = session && session.current();
      const { n, answered, skipped, left, place: number } = session ? session.progress() : { n: 0, answered: 0, skipped: 0, left: 0, place: 0 };
      bar.max = Math.max(total, n, 1);
      bar.value = before + answered;
      status.textContent = session ? before + answered + " of " + Math.max(total, n) + " answered" + (skipped ? ", " + skipped + " skipped" : "") : "";
      card.hidden = !item;
      finished.hidden = Boolean(item) || !session;
      if (!item && session) {
        const words = n === 0 ? "There is nothing to review here." : loading ? "Loading more\u2026" : "You are through: nothing is left in this order.";
        const again = skipped ? button("Show what was skipped (" + skipped + ")", () => { session.again(); render(); }) : null;
        finished.replaceChildren(make("p", null, words), make("div", { class: "buttons" }, again, button("Download CSV", download)));
      }
      if (session && left < 5) more();
      if (item) show(item, number, Math.max(total, n));
      measure();
    }
    async function show(item, number, of) {
      const p = Number.isFinite(item.outlier_p) ? ", p-value " + item.outlier_p.toFixed(3) : "";
      headline.replaceChildren("Is this ", Dom.tag(classes, item.label), "?");
      if (item.label === Queue.UNSURE) headline.replaceChildren("What is this? The model is ", Dom.tag(classes, item.label));
      place.textContent = number + " of " + of + " \u00b7 " + item.path + ", " + Dom.time(item.start) + " to " + Dom.time(item.end) +
        (item.channel === null || item.channel === undefined ? "" : ", channel " + item.channel) + " \u00b7 score " + Dom.number(item.score, 2) + p;
      const answer = session.answerOf(item);
      given.hidden = !answer;
      given.textContent = answer ? "Your answer: " + said(answer) + "." : "";
      table.hidden = !options.table || !Queue.latest(rows).some(row => row.path === item.path);
      buttons(item, answer);
      if (shown === item) return;
      shown = item;
      spoken.textContent = headline.textContent + " Score " + Dom.number(item.score, 2);
      picture.dataset.item = "";
      viewer.open(null, null, Math.max(0.1, item.end - item.start));
      try {
        const sound = await options.sound(item);
        if (shown !== item) return;
        viewer.open(sound.source, sound.of, sound.seconds, sound.offset || 0);
        viewer.focusOn(sound.start, sound.end);
        picture.dataset.item = Queue.key(item);
        if (autoplay.checked && host.offsetParent !== null && navigator.userActivation?.hasBeenActive !== false) viewer.play(0, sound.seconds);
      } catch (error) {
        if (shown === item) complain("No sound: " + error.message);
      }
    }
    const said = answer => answer.startsWith("-") ? "not " + answer.slice(1) : answer;
    function buttons(item, answer) {
      const act = (text, key, run, kind, pressed) => make("button", {
        type: "button", class: "answer " + kind, "aria-pressed": pressed === undefined ? null : String(pressed), "aria-keyshortcuts": key,
        // Afterwards the space bar plays the next sound; on the button, it would answer again.
        onclick: event => { run(); if (event.detail > 0) headline.focus({ preventScroll: true }); },
      }, make("span", null, text), make("kbd", { "aria-hidden": "true" }, key));
      const sure = item.label !== Queue.UNSURE;
      const undo = act("Undo", "u", () => step("undo"), "small");
      undo.disabled = !session.canUndo();
      answers.replaceChildren(
        make("div", { class: "main-answers" },
          sure ? act("\u2713 Right", "y", () => step("right"), "right", answer === item.label) : "",
          sure ? act("\u2717 Wrong", "x", () => step("wrong"), "wrong", answer === "-" + item.label) : ""),
        make("div", { class: "class-answers", role: "group", "aria-label": "It is" },
          classes.map((of, i) => act(of, i < 9 ? i + 1 + "" : "", () => step("answer", of), "class k" + Dom.tone(classes, of), answer === of)),
          act("neither", "n", () => step("answer", Queue.NEITHER), "class k8", answer === Queue.NEITHER)),
        make("div", { class: "other-answers" }, act("Skip", "s", () => step("skip"), "small"), undo));
    }
    function step(what, argument) {
      if (!session) return;
      session[what](argument);
      render();
    }
    document.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey || host.offsetParent === null || !session) return;
      const on = event.target;
      if (on.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
      if (event.key === " " && on.closest("button, input, summary, a, .plot")) return;
      if (event.key.startsWith("Arrow") && on.closest(".plot, .scroll")) return;
      const run = {
        y: () => step("right"), x: () => step("wrong"), n: () => step("answer", Queue.NEITHER), s: () => step("skip"), u: () => step("undo"),
        " ": () => viewer.toggle(), ArrowLeft: () => step("move", -1), ArrowRight: () => step("move", 1),
      }[event.key] || (/^[1-9]$/.test(event.key) && classes[event.key - 1] ? () => step("answer", classes[event.key - 1]) : null);
      if (!run || (event.repeat && event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
      event.preventDefault();
      run();
    });

    // What the answers say.
    function measure() {
      const tally = Queue.tally(rows);
      const names = [...classes, Queue.NEITHER].filter(of => tally.has(of));
      if (!names.length) {
        figures.replaceChildren(make("h3", null, "Precision"),
          make("p", { class: "faint" }, "As soon as there are answers, this shows how often each class is right."));
        return;
      }
      // What is said of the whole table needs to know how many detections of the class it has.
      const sizes = new Map(names.map(of => [of, options.population ? options.population(of) : null]));
      const known = [...sizes.values()].every(size => Number.isFinite(size)), ofTable = known && scope === "table";
      const row = of => {
        const { n, right, points } = tally.get(of), size = ofTable ? Math.max(n, sizes.get(of)) : null;
        const [low, high] = Precision.interval(right, n, size), more = Precision.more(right, n, size);
        const calibration = Precision.calibrate(points), found = calibration.threshold(wanted);
        const line = make("span", { class: "bar", "aria-hidden": "true" }, make("i"), make("b"));
        for (const [name, value] of [["--low", low], ["--high", high], ["--at", right / n]]) line.style.setProperty(name, value);
        const score = found.score === null ? found.reason : found.all ? "every score seen" : "from " + number(found.score, 2);
        return make("tr", { "data-class": of }, make("th", { scope: "row" }, Dom.tag(classes, of)), Dom.figure(right + " of " + n),
          Dom.figure(percent(right / n)), Dom.figure(percent(low) + " to " + percent(high)), make("td", { class: "bars" }, line),
          ofTable ? Dom.figure(size) : null,
          make("td", null, more === 0 ? "\u00b15 points reached" : more + " more for \u00b15 points"), make("td", null, score));
      };
      const target = select(TARGETS.map(value => [value + "", percent(value)]), wanted + "", value => {
        wanted = Number(value);
        measure();
        figures.querySelector("select.target").focus();
      }, { class: "target" });
      const scopes = known ? select(SCOPES, scope, value => {
        scope = value;
        measure();
        figures.querySelector("select.scope").focus();
      }, { class: "scope" }) : null;
      const onLine = make("span", { class: "hidden" }, "On a line from 0 to 1");
      figures.replaceChildren(make("h3", null, "Precision"), make("div", { class: "controls" },
        ...known ? [labeled("Interval for", scopes)] : [], labeled("Score that gives a precision of", target)),
        Dom.region("Precision of each class", "", make("table", null, make("caption", null, make("span", null, (ofTable ? OF_TABLE : OF_FUTURE) + ABOUT)),
          Dom.head(["Class", ["Right", "number"], ["Precision", "number"],
            ["95\u00a0% interval, " + (ofTable ? "this table" : "recordings to come"), "number"], [onLine, "bars"], ofTable ? ["In table", "number"] : null, "Answers", "Threshold"]),
          make("tbody", null, names.map(row)))),
        chosenByScore ? make("p", { class: "faint" }, BY_SCORE) : hadEarlier ? make("p", { class: "faint" }, EARLIER) : "");
    }

    start();
    return { rows: () => rows, reload: start };
  }

  return { mount };
})();
