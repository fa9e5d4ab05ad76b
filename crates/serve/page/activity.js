// What was heard at which hour of a day: events a class, kept in this browser for two weeks.
const Activity = (() => {
  "use strict";
  const { make, select, labeled } = Dom;
  const STORE = "barkbird-activity", DAYS = 14;
  let days = {};
  try {
    days = JSON.parse(localStorage.getItem(STORE) || "{}");
  } catch {
    // Kept for this visit only.
  }
  const two = value => String(value).padStart(2, "0");
  const today = (date = new Date()) => date.getFullYear() + "-" + two(date.getMonth() + 1) + "-" + two(date.getDate());

  // One event of a model at a time of day.
  function add(model, label, date) {
    const day = days[today(date)] ||= {}, of = day[model] ||= {};
    (of[label] ||= Array(24).fill(0))[date.getHours()]++;
    for (const old of Object.keys(days).sort().slice(0, -DAYS)) delete days[old];
    try {
      localStorage.setItem(STORE, JSON.stringify(days));
    } catch {
      // As above.
    }
  }

  function mount(host) {
    let day = today(), model = null;
    function render() {
      if (!model) return;
      const known = Object.keys(days).filter(of => days[of][model.name]).sort().reverse();
      if (!known.includes(today())) known.unshift(today());
      if (!known.includes(day)) day = today();
      const counts = (days[day] || {})[model.name] || {};
      const names = model.classes.filter(of => counts[of]), most = Math.max(1, ...names.flatMap(of => counts[of]));
      const pick = select(known.map(of => [of, of === today() ? "today" : of]), day, value => { day = value; render(); });
      const cell = (label, n, hour) => {
        const title = label + ", " + two(hour) + " to " + two(hour + 1) + " h: " + n;
        const box = make("td", { class: "hour k" + Dom.tone(model.classes, label), title }, n ? n + "" : make("span", { class: "hidden" }, "0"));
        // A square root shows single events beside a chorus.
        box.style.setProperty("--share", Math.sqrt(n / most));
        return box;
      };
      host.replaceChildren(make("h3", null, "Activity by hour"), make("div", { class: "controls" }, labeled("Day", pick)),
        names.length
          ? Dom.region("Activity by hour", "", make("table", { class: "activity" },
            make("caption", null, make("span", null, "Events an hour of the day, of the classes of " + model.name + ", as heard on this page.")),
            Dom.head(["Class", ...Array.from({ length: 24 }, (_, hour) => two(hour))]),
            make("tbody", null, names.map(of => make("tr", null, make("th", { scope: "row" }, Dom.tag(model.classes, of)),
              counts[of].map((n, hour) => cell(of, n, hour)))))))
          : make("p", { class: "faint" }, "No events on this day."));
    }
    return { render, of(chosen) { model = chosen; render(); } };
  }

  return { add, mount };
})();
