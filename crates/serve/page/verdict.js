// What the model says about one window, in words and bars.
const Verdict = (() => {
  "use strict";
  const { make, number, percent } = Dom;

  function bars(classes, probabilities) {
    return make("div", { class: "bars-list" }, classes.map((of, i) => {
      const value = probabilities[i], line = make("span", { class: "fill k" + Dom.tone(classes, of), "aria-hidden": "true" });
      line.style.width = 100 * Math.max(0, Math.min(1, value)) + "%";
      return make("div", { class: "bars-row" }, make("span", { class: "bars-name" }, of), make("span", { class: "bars-line" }, line),
        make("span", { class: "number" }, percent(value)));
    }));
  }

  // What a p-value means here; `alpha` is the share of known sounds that may be rejected.
  function outlier(p, alpha, label) {
    if (p === null || p === undefined) return "This model has no detector of unknown sounds.";
    const share = p < 0.001 ? "fewer than 0.1\u00a0%" : "about " + (100 * p).toFixed(p < 0.1 ? 1 : 0) + "\u00a0%";
    const text = "p-value " + (p < 0.001 ? "below 0.001" : p.toFixed(3)) + ": of known sounds, " + share + " are this unusual or more.";
    return label === "neither" && alpha ? text + " At most " + percent(alpha) + " counts as unknown." : text;
  }

  // The verdict on a window W of the API.
  function show(host, window, { classes, model }) {
    const where = Dom.time(window.start) + " to " + Dom.time(window.end) + (window.channel === null ? "" : ", channel " + window.channel);
    const alpha = model && model.detector ? model.detector.alpha : null;
    const nearest = window.nearest || [];
    const known = near => make("li", null, Dom.tag(classes, near.label), " ", near.name, " ", Dom.faint("similarity " + number(near.similarity, 2)));
    host.replaceChildren(
      make("div", { class: "verdict-main" },
        make("p", { class: "verdict-line" }, Dom.tag(classes, window.label), " ", make("span", { class: "faint" }, where)),
        make("p", null, window.silent ? "This window is silent." : outlier(window.outlier_p, alpha, window.label)),
        window.label === "unsure" ? make("p", null, "No class is probable enough for an answer.") : null,
        bars(classes, window.probabilities)),
      nearest.length ? make("div", { class: "verdict-near" }, make("h4", null, "Nearest known clips"),
        make("ol", null, nearest.map(known))) : "");
  }

  return { show, outlier };
})();
