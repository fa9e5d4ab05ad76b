// The review CSV: a row an answer. The last row of a detection counts, whoever wrote it; an empty label takes
// the answer back.
const Csv = (() => {
  "use strict";
  const COLUMNS = ["path", "start", "end", "channel", "label", "reviewer", "time", "model", "predicted", "score", "outlier_p"];
  const NUMBERS = ["start", "end", "channel", "score", "outlier_p"];

  function field(value) {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? "\"" + text.replaceAll("\"", "\"\"") + "\"" : text;
  }
  const line = fields => fields.map(field).join(",") + "\n";
  const write = rows => line(COLUMNS) + rows.map(row => line(COLUMNS.map(name => row[name]))).join("");

  // Lines of fields of any CSV: quoted fields may have commas, quotes and line ends.
  function fields(text) {
    const lines = [];
    let row = [], value = "", quoted = false, begun = false;
    const endField = () => { row.push(value); value = ""; };
    const endLine = () => {
      if (begun) { endField(); lines.push(row); }
      [row, begun] = [[], false];
    };
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (quoted) {
        if (c !== "\"") value += c;
        else if (text[i + 1] === "\"") { value += "\""; i++; }
        else quoted = false;
      } else if (c === "\n" || c === "\r") endLine();
      else {
        begun = true;
        if (c === ",") endField();
        else if (c === "\"" && value === "") quoted = true;
        else value += c;
      }
    }
    endLine();
    return lines;
  }

  // Rows as objects; a column that is not there is empty, numbers are numbers or null.
  function parse(text) {
    const [header = [], ...lines] = fields(text.replace(/^\ufeff/, ""));
    return lines.map(values => Object.fromEntries(COLUMNS.map(name => {
      const at = header.indexOf(name), value = at < 0 ? "" : values[at] ?? "";
      if (!NUMBERS.includes(name)) return [name, value];
      return [name, value === "" || !Number.isFinite(Number(value)) ? null : Number(value)];
    })));
  }

  return { COLUMNS, write, parse };
})();
