// Elements, and words for numbers. Text from outside only ever becomes text of an element.
const Dom = (() => {
  "use strict";

  // make("p", { class: "faint", onclick: f }, "text", element, null): attributes by name, listeners as `on...`.
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter(child => child !== null && child !== undefined));
    return element;
  }

  function button(text, onclick, attributes) {
    return make("button", { type: "button", onclick, ...attributes }, text);
  }

  const faint = text => make("span", { class: "faint" }, text);
  // A number in a table.
  const figure = text => make("td", { class: "number" }, String(text));
  // The head of a table; columns of numbers are written as ["Score", "number"].
  function head(columns) {
    const of = columns.filter(Boolean).map(column => Array.isArray(column) ? column : [column, null]);
    return make("thead", null, make("tr", null, of.map(([content, kind]) => make("th", { scope: "col", class: kind }, content))));
  }
  // What may be wider than the page; it scrolls by keyboard, too.
  function region(label, kind, ...children) {
    return make("div", { class: "scroll " + kind, tabindex: "0", role: "region", "aria-label": label }, ...children);
  }

  // A select of [value, text] pairs.
  function select(options, value, onchange, attributes) {
    const element = make("select", { onchange: () => onchange(element.value), ...attributes });
    element.append(...options.map(([value, text]) => make("option", { value }, text)));
    element.value = value;
    return element;
  }

  const labeled = (text, control) => make("label", null, text, " ", control);

  const number = (value, digits = 3) => typeof value === "number" && Number.isFinite(value) ? value.toFixed(digits) : "\u2013";
  const percent = value => typeof value === "number" && Number.isFinite(value) ? Math.round(100 * value) + "\u00a0%" : "\u2013";
  const plural = (n, one, many) => n + " " + (n === 1 ? one : many || one + "s");

  // Seconds as 4.25 s, 1:04.3 or 2:03:04, so that a change of `step` seconds is seen.
  function time(seconds, step = 0.01) {
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    if (seconds < 60) return seconds.toFixed(digits) + "\u00a0s";
    const rounded = Number(seconds.toFixed(digits));
    const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60];
    const rest = (rounded % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return hours ? hours + ":" + String(minutes).padStart(2, "0") + ":" + rest : minutes + ":" + rest;
  }

  function bytes(n) {
    if (n < 1e6) return Math.max(1, Math.round(n / 1e3)) + "\u00a0kB";
    return n < 1e9 ? (n / 1e6).toFixed(1) + "\u00a0MB" : (n / 1e9).toFixed(2) + "\u00a0GB";
  }

  // A class keeps its color by its place among the model's classes; what is no class is gray.
  function tone(classes, label) {
    const at = classes.indexOf(label);
    return at < 0 ? 8 : at % 7 + 1;
  }
  function tag(classes, label) {
    return make("span", { class: "tag k" + tone(classes, label) + (label === "unsure" ? " unsure" : "") }, label);
  }

  // Saves text or a Blob as a file of the browser's downloads.
  function save(name, content, type) {
    const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    const link = make("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  return { make, button, faint, figure, head, region, select, labeled, number, percent, plural, time, bytes, tone, tag, save };
})();
