// A spectrogram to look at and to listen to: axes, zoom, labeled spans below it, a line where the sound is.
const Viewer = (() => {
  "use strict";
  const LEFT = 64, AXIS = 22, LANE = 20, GAP = 3, SHORTEST_S = 0.05;
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];

  // `label` names the picture for a screen reader; `pick(span)` is told of the span that is chosen, `range([start, end])` of a range that
  // was marked by dragging; both may be null. `height` is that of the picture, in pixels.
  function mount(host, { label, height = 220, pick = () => {}, range = () => {} }) {
    const picture = Dom.make("canvas", { class: "picture", "aria-hidden": "true" });
    const overlay = Dom.make("canvas", { class: "overlay", "aria-hidden": "true" });
    const plot = Dom.make("div", {
      class: "plot", tabindex: "0", role: "application", "aria-roledescription": "spectrogram", "aria-label": label,
    }, picture, overlay);
    const readout = Dom.make("span", { class: "faint readout" });
    const scroll = Dom.make("input", { type: "range", min: "0", max: "1000", value: "0", "aria-label": "Scroll through the recording", oninput: () => {
      const { start, end } = view;
      const first = scroll.value / 1000 * (seconds() - (end - start));
      show(first, first + end - start);
    } });
    const playButton = Dom.button("\u25b6\ufe0e Play", () => toggle(), { class: "play" });
    const tools = Dom.make("div", { class: "viewer-tools" }, playButton,
      Dom.button("+", () => zoom(0.5), { "aria-label": "Zoom in" }), Dom.button("\u2212", () => zoom(2), { "aria-label": "Zoom out" }),
      Dom.button("Whole", whole), scroll, readout);
    host.replaceChildren(plot, tools);
    host.classList.add("viewer");

    let source = null, sound = null, lanes = [], job = null, view = { start: 0, end: 1 };
    let chosen = null, marked = null, focusSpan = null, at = null, pending = 0;
    const seconds = () => source ? source.seconds : sound ? sound.seconds : 1;
    const width = () => Math.max(50, plot.clientWidth - LEFT - 1);
    const laneTop = i => height + AXIS + GAP + i * (LANE + GAP);
    const toX = time => LEFT + (time - view.start) / (view.end - view.start) * width();
    const toTime = x => view.start + (x - LEFT) / width() * (view.end - view.start);

    function show(start, end) {
      const all = seconds(), length = Math.min(all, Math.max(Math.min(SHORTEST_S, all), end - start));
      const first = Math.max(0, Math.min(all - length, start));
      view = { start: first, end: first + length };
      scroll.hidden = length >= all * 0.999;
      scroll.value = length >= all ? 0 : Math.round(first / (all - length) * 1000);
      readout.textContent = Dom.time(view.start, length / 100) + " to " + Dom.time(view.end, length / 100);
      render();
    }
    function whole() {
      [chosen, marked] = [null, null];
      show(0, seconds());
    }
    function zoom(by) {
      const middle = marked ? (marked[0] + marked[1]) / 2 : chosen ? (chosen.start + chosen.end) / 2 : (view.start + view.end) / 2;
      const center = Math.max(view.start, Math.min(view.end, middle)), half = (view.end - view.start) * by / 2;
      show(center - half, center + half);
    }

    // The picture is computed again when the view settles, and stretched until then.
    function render() {
      annotate();
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(() => {
        if (!plot.isConnected || plot.clientWidth === 0) return;
        const density = window.devicePixelRatio || 1;
        plot.style.height = laneTop(lanes.length) + "px";
        if (job) job.cancel();
        picture.hidden = !source;
        stretch(Math.round(width() * density), Math.round(height * Math.min(density, 1.5)));
        Object.assign(picture.style, { left: LEFT + "px", width: width() + "px", height: height + "px" });
        if (source) {
          plot.dataset.drawn = "false";
          const own = Spectrogram.draw(picture, source, view.start, view.end);
          job = own;
          plot.dataset.drawn = "false";
          own.done.then(whole => { if (whole && job === own) plot.dataset.drawn = "true"; })
            .catch(error => { plot.dataset.drawn = "failed"; readout.textContent = "No spectrogram: " + error.message; });
        }
        annotate();
      });
    }

    // A new size and view, with what was drawn for the old view in its place.
    let pictured = null;
    function stretch(w, h) {
      const old = pictured && picture.width ? document.createElement("canvas") : null;
      if (old) {
        [old.width, old.height] = [picture.width, picture.height];
        old.getContext("2d").drawImage(picture, 0, 0);
      }
      [picture.width, picture.height] = [w, h];
      const pen = picture.getContext("2d", { alpha: false }), scale = w / (view.end - view.start);
      pen.fillStyle = "#0a0818";
      pen.fillRect(0, 0, w, h);
      if (old) pen.drawImage(old, (pictured.start - view.start) * scale, 0, (pictured.end - pictured.start) * scale, h);
      pictured = source ? { ...view } : null;
    }

    function annotate() {
      const density = window.devicePixelRatio || 1, [w, h] = [plot.clientWidth, laneTop(lanes.length)];
      if (w === 0) return;
      if (overlay.width !== Math.round(w * density) || overlay.height !== Math.round(h * density)) {
        overlay.width = Math.round(w * density);
        overlay.height = Math.round(h * density);
        Object.assign(overlay.style, { width: w + "px", height: h + "px" });
      }
      const pen = overlay.getContext("2d"), style = getComputedStyle(document.documentElement);
      const ink = name => style.getPropertyValue(name).trim();
      pen.setTransform(density, 0, 0, density, 0, 0);
      pen.clearRect(0, 0, w, h);
      pen.font = "12px system-ui, sans-serif";
      pen.textBaseline = "middle";
      axes(pen, ink, w);
      lanes.forEach((lane, i) => drawLane(pen, ink, lane, laneTop(i), w));
      if (focusSpan) frame(pen, focusSpan, "#ffffff", "rgb(0 0 0 / .45)");
      if (chosen) frame(pen, [chosen.start, chosen.end], "#ffffff", null);
      if (marked) frame(pen, marked, "#7fe0ff", null);
      if (at !== null && at >= view.start && at <= view.end) {
        pen.fillStyle = "#ffffff";
        pen.fillRect(toX(at) - 1, 0, 2, height);
        pen.fillStyle = ink("--ink");
        pen.fillRect(toX(at) - 1, height, 2, h - height);
      }
    }
    // A frame over the picture; what is outside it is darkened where `outside` has a color.
    function frame(pen, [start, end], color, outside) {
      const [from, to] = [Math.max(LEFT, toX(start)), Math.min(LEFT + width(), toX(end))];
      if (to <= LEFT || from >= LEFT + width()) return;
      if (outside && source) {
        pen.fillStyle = outside;
        pen.fillRect(LEFT, 0, from - LEFT, height);
        pen.fillRect(to, 0, LEFT + width() - to, height);
      }
      pen.strokeStyle = color;
      pen.lineWidth = 2;
      pen.strokeRect(from + 1, 1, Math.max(2, to - from - 2), height - 2);
    }
    function axes(pen, ink, w) {
      pen.fillStyle = ink("--faint");
      pen.strokeStyle = ink("--edge");
      pen.lineWidth = 1;
      if (source) {
        const top = source.rate / 2;
        pen.textAlign = "right";
        for (const tick of Spectrogram.ticks(top, height - 16)) {
          const y = height - Spectrogram.share(tick, top) * height;
          if (y < 20) continue;
          pen.fillText(tick / 1000 + "", LEFT - 8, y);
          pen.fillRect(LEFT - 5, y, 5, 1);
        }
        pen.fillText("kHz", LEFT - 8, 8);
      }
      const length = view.end - view.start;
      const step = STEPS.find(step => width() * step / length >= 64) || STEPS[STEPS.length - 1];
      pen.textAlign = "center";
      for (let i = Math.ceil(view.start / step - 1e-6); i * step <= view.end + 1e-9; i++) {
        const x = toX(i * step);
        pen.fillRect(x, height, 1, 5);
        const text = Dom.time(i * step, step), half = pen.measureText(text).width / 2;
        pen.fillText(text, Math.min(w - half, Math.max(LEFT + half, x)), height + 14);
      }
    }
    function drawLane(pen, ink, lane, y, w) {
      pen.textAlign = "right";
      pen.fillStyle = ink("--faint");
      pen.fillText(lane.name, LEFT - 6, y + LANE / 2);
      pen.fillStyle = ink("--rule");
      pen.fillRect(LEFT, y + LANE - 1, width(), 1);
      pen.save();
      pen.beginPath();
      pen.rect(LEFT, y, width(), LANE);
      pen.clip();
      pen.textAlign = "left";
      for (const span of lane.spans) {
        const [from, to] = [toX(span.start), toX(span.end)];
        if (to < LEFT || from > w) continue;
        const wide = Math.max(1.5, to - from - 1);
        pen.globalAlpha = span.pale ? 0.35 : 1;
        pen.fillStyle = ink("--k" + span.tone);
        pen.fillRect(from, y, wide, LANE - 2);
        pen.globalAlpha = 1;
        if (wide > 26) {
          pen.save();
          pen.beginPath();
          pen.rect(from, y, wide - 3, LANE);
          pen.clip();
          pen.fillStyle = span.pale ? ink("--ink") : ink("--page");
          pen.fillText(span.label, Math.max(from, LEFT) + 5, y + LANE / 2);
          pen.restore();
        }
        if (span === chosen) {
          pen.strokeStyle = ink("--ink");
          pen.lineWidth = 2;
          pen.strokeRect(from + 1, y + 1, Math.max(2, wide - 2), LANE - 4);
        }
      }
      pen.restore();
    }

    // Sound.
    async function play(start, end) {
      if (!sound || !sound.of) return;
      playButton.textContent = "\u25a0 Stop";
      try {
        await Sound.play(sound.of, start + sound.offset, end + sound.offset, time => {
          at = time === null ? null : time - sound.offset;
          annotate();
        });
      } catch (error) {
        readout.textContent = "Cannot be played: " + error.message;
      }
      if (at === null) playButton.textContent = "\u25b6\ufe0e Play";
    }
    function toggle() {
      if (at !== null || Sound.position() !== null) { Sound.stop(); return; }
      const [start, end] = marked || (chosen ? [chosen.start, chosen.end] : [view.start, view.end]);
      play(start, end);
    }

    // Choosing: a click takes the span there and plays it, dragging marks a range.
    function choose(span, sounds) {
      [chosen, marked] = [span, null];
      if (span.start < view.start || span.end > view.end) {
        const half = Math.max((view.end - view.start) / 2, (span.end - span.start) * 0.75);
        const middle = (span.start + span.end) / 2;
        show(middle - half, middle + half);
      } else annotate();
      pick(span);
      if (sounds) play(span.start, span.end);
    }
    function spanAt(time, y) {
      const lane = lanes.findIndex((_, i) => y >= laneTop(i) && y < laneTop(i) + LANE);
      const from = lane >= 0 ? [lanes[lane]] : [...lanes].reverse();
      for (const { spans } of from) {
        const found = spans.filter(span => span.start <= time && time < span.end);
        if (found.length) return found[found.length - 1];
      }
      return null;
    }
    let drag = null;
    const place = event => {
      const box = plot.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    plot.addEventListener("pointerdown", event => {
      if (event.button !== 0) return;
      const { x, y } = place(event);
      drag = { x, y, view: { ...view }, moved: false, touch: event.pointerType === "touch" };
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", event => {
      if (!drag) return;
      const { x } = place(event);
      if (Math.abs(x - drag.x) > 4) drag.moved = true;
      if (!drag.moved) return;
      if (drag.touch) {
        const by = (drag.x - x) / width() * (drag.view.end - drag.view.start);
        show(drag.view.start + by, drag.view.end + by);
      } else {
        const [a, b] = [toTime(drag.x), toTime(x)].map(time => Math.max(0, Math.min(seconds(), time)));
        [marked, chosen] = [[Math.min(a, b), Math.max(a, b)], null];
        annotate();
      }
    });
    plot.addEventListener("pointercancel", () => { drag = null; });
    plot.addEventListener("pointerup", event => {
      if (!drag) return;
      const was = drag, { x, y } = place(event);
      drag = null;
      if (was.moved) {
        if (!was.touch) { range(marked); play(marked[0], marked[1]); }
        return;
      }
      const time = toTime(x), span = spanAt(time, y);
      if (span) choose(span, true);
      else if (time >= 0) play(Math.max(0, time), view.end);
    });
    plot.addEventListener("wheel", event => {
      if (event.ctrlKey) {
        event.preventDefault();
        const time = toTime(place(event).x), by = event.deltaY > 0 ? 1.25 : 0.8;
        show(time - (time - view.start) * by, time + (view.end - time) * by);
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !scroll.hidden) {
        event.preventDefault();
        const by = event.deltaX / width() * (view.end - view.start);
        show(view.start + by, view.end + by);
      }
    }, { passive: false });
    function step(by) {
      const spans = lanes.length ? lanes[lanes.length - 1].spans : [];
      if (!spans.length) return;
      const now = spans.indexOf(chosen);
      choose(spans[now < 0 ? (by > 0 ? 0 : spans.length - 1) : Math.max(0, Math.min(spans.length - 1, now + by))], false);
    }
    plot.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const quarter = (view.end - view.start) / 4;
      const keys = {
        "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": whole, "Escape": whole,
        "ArrowLeft": () => show(view.start - quarter, view.end - quarter), "ArrowRight": () => show(view.start + quarter, view.end + quarter),
        "ArrowUp": () => step(-1), "ArrowDown": () => step(1), " ": toggle, "Enter": toggle,
      };
      if (!keys[event.key] || host.dataset.keys === "off") return;
      event.preventDefault();
      keys[event.key]();
    });
    let drawnWidth = 0;
    new ResizeObserver(() => {
      if (plot.clientWidth === drawnWidth) return;
      drawnWidth = plot.clientWidth;
      render();
    }).observe(plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", annotate);

    return {
      // What is looked at: `source` for the spectrogram (null: none), `of` for the sound (null: none), of `length` seconds; `offset` is
      // added to the times of the sound.
      open(newSource, of, length, offset = 0) {
        Sound.stop();
        [source, chosen, marked, focusSpan, at] = [newSource, null, null, null, null];
        sound = { of, offset, seconds: length };
        playButton.disabled = !of;
        if (job) job.cancel();
        plot.dataset.drawn = source ? "false" : "none";
        pictured = null;
        show(0, length);
      },
      lanes(list) {
        lanes = list;
        if (chosen && !lanes.some(lane => lane.spans.includes(chosen))) chosen = null;
        plot.style.height = laneTop(lanes.length) + "px";
        annotate();
      },
      // Darkens what is around a span.
      focusOn(start, end) { focusSpan = [start, end]; annotate(); },
      choose, play, toggle, show, plot,
      chosen: () => chosen,
      // The chosen span is another object now, after its lane was made anew.
      keep(span) { chosen = span; annotate(); },
      marked: () => marked,
    };
  }

  return { mount };
})();
