// The Listen tab: the microphone goes to the server as it comes, and events come back.
const Live = (() => {
  "use strict";
  const { make, button, number } = Dom;
  const CHUNK_S = 0.5, MOST_CHUNK_S = 2, MOST_WAITING_S = 20, KEPT_S = 120, MOST_EVENTS = 200, AROUND_S = 0.5;
  let panel, start, canvas, now, status, events, activity, session = null;

  function mount(host) {
    panel = host;
    start = button("\u25cf Start listening", () => session ? stop() : listen(), { class: "primary" });
    canvas = make("canvas", { class: "running", width: "1200", height: "180", role: "img", "aria-label": "Spectrogram of the last 12 seconds" });
    now = make("div", { class: "now" });
    status = make("p", { class: "faint", role: "status" }, "The sound goes to the server that this page is from, and is not kept.");
    events = make("tbody");
    const picture = make("div");
    activity = Activity.mount(picture);
    panel.replaceChildren(make("div", { class: "listen-head" }, start, now), status, canvas, make("h3", null, "Events"),
      Dom.region("Events", "live-events", make("table", null,
        Dom.head(["Time", "Class", ["Score", "number"], ["Length", "number"], "Sound"]), events)),
      picture);
    empty();
    Models.onChange(() => { if (session) stop(); activity.of(Models.current()); });
  }
  const empty = () => { if (!events.children.length) events.append(make("tr", { class: "none" }, make("td", { colspan: "5", class: "faint" }, "None so far."))); };

  // What was heard last, to play events from: 16 bits, a ring of two minutes.
  function memory(rate) {
    const ring = new Int16Array(KEPT_S * rate);
    let n = 0;
    return {
      push(samples) { for (const sample of samples) ring[n++ % ring.length] = Math.max(-32768, Math.min(32767, sample * 32767)); },
      cut(from, to) {
        const first = Math.max(0, n - ring.length, Math.round(from * rate)), last = Math.min(n, Math.round(to * rate));
        return last <= first ? null : Int16Array.from({ length: last - first }, (_, i) => ring[(first + i) % ring.length]);
      },
    };
  }

  async function listen() {
    const model = Models.current();
    const own = { model, waiting: [], lost: 0, sending: false, id: null, began: Date.now(), stopped: false, abort: new AbortController() };
    start.disabled = true;
    try {
      let picture = null, part = [], filled = 0;
      own.microphone = await Microphone.open(samples => {
        if (!picture || own.stopped) return;
        picture.push(samples);
        own.memory.push(samples);
        part.push(samples);
        filled += samples.length;
        if (filled < CHUNK_S * own.microphone.rate) return;
        own.waiting.push(Wav.pcm16(join(part, filled)));
        [part, filled] = [[], 0];
        send(own);
      });
      own.memory = memory(own.microphone.rate);
      own.id = (await (await Api.post("/api/live", { model: model.name, sample_rate_hz: own.microphone.rate, channels: 1 })).json()).id;
      picture = Spectrogram.running(canvas, own.microphone.rate, 12);
      own.began = Date.now();
      session = own;
      follow(own);
      start.textContent = "\u25a0 Stop";
      status.textContent = "Listening with " + model.name + ".";
    } catch (error) {
      if (own.microphone) own.microphone.stop();
      status.textContent = error.message;
    }
    start.disabled = false;
  }
  function join(parts, length) {
    const out = new Float32Array(length);
    let at = 0;
    for (const part of parts) { out.set(part, at); at += part.length; }
    return out;
  }

  // Pieces are sent in their order, one request at a time, as much at once as the server takes.
  async function send(own) {
    if (own.sending || own.stopped) return;
    own.sending = true;
    while (own.waiting.length && !own.stopped) {
      const most = 2 * MOST_CHUNK_S * own.microphone.rate, parts = [];
      for (let size = 0; own.waiting.length && size + own.waiting[0].byteLength <= most;) {
        parts.push(own.waiting.shift());
        size += parts[parts.length - 1].byteLength;
      }
      try {
        await Api.upload("/api/live/" + encodeURIComponent(own.id) + "/sound", new Blob(parts), { tries: 1 });
      } catch (error) {
        if (own.stopped) break;
        if (error.code !== "busy" && error.code !== "unreachable") { end(own, "Stopped: " + error.message); break; }
        own.waiting.unshift(...parts);
        await Api.wait(0.5);
        await drop(own);
      }
    }
    own.sending = false;
  }
  // Where the server cannot follow, silence takes the place of what is lost, so that times stay right.
  async function drop(own) {
    const seconds = () => own.waiting.length * CHUNK_S;
    for (let i = 0; i < own.waiting.length && seconds() - i * CHUNK_S > MOST_WAITING_S; i++) {
      if (own.waiting[i].lost) continue;
      own.waiting[i] = Object.assign(new ArrayBuffer(own.waiting[i].byteLength), { lost: true });
      own.lost += CHUNK_S;
      status.textContent = "The server cannot follow: " + Dom.time(own.lost, 1) + " were not looked at.";
    }
  }

  async function follow(own) {
    try {
      await Api.events("/api/live/" + encodeURIComponent(own.id) + "/events", { signal: own.abort.signal }, (name, data) => {
        if (name === "window") show(own, data);
        else if (name === "event") event(own, data);
        else if (name === "error") end(own, "Stopped: " + data.error.message);
      });
      end(own, "The server ended the session.");
    } catch (error) {
      if (!own.stopped) end(own, "Stopped: " + error.message);
    }
  }
  function show(own, window) {
    const p = window.outlier_p === null ? "" : ", p-value " + number(window.outlier_p, 3);
    now.replaceChildren(Dom.tag(own.model.classes, window.label), Dom.faint(window.silent ? "silent" : Dom.percent(window.probability) + p));
  }
  function event(own, found) {
    const date = new Date(own.began + found.start * 1000);
    Activity.add(own.model.name, found.label, date);
    activity.render();
    const sound = own.memory.cut(found.start - AROUND_S, found.end + AROUND_S);
    const rate = own.microphone.rate;
    const play = () => {
      const buffer = new AudioBuffer({ length: sound.length, numberOfChannels: 1, sampleRate: rate });
      buffer.copyToChannel(Float32Array.from(sound, value => value / 32768), 0);
      Sound.play(Sound.ofBuffer(buffer), 0, buffer.duration);
    };
    const keep = () => {
      const name = found.label + "_" + date.toISOString().replace(/[:.]/g, "-") + ".wav";
      Dom.save(name, Wav.make([Float32Array.from(sound, value => value / 32767)], rate, name));
    };
    const time = date.toLocaleTimeString("en-GB"), what = found.label + " of " + time;
    const buttons = sound ? [button("\u25b6\ufe0e", play, { "aria-label": "Play " + what }), button("Save", keep, { "aria-label": "Save " + what })] : [];
    events.querySelector(".none")?.remove();
    events.prepend(make("tr", null, make("th", { scope: "row" }, time), make("td", null, Dom.tag(own.model.classes, found.label)),
      Dom.figure(number(found.score, 2)), Dom.figure(Dom.time(found.end - found.start, 0.1)), make("td", null, make("span", { class: "buttons" }, buttons))));
    while (events.children.length > MOST_EVENTS) events.lastElementChild.remove();
    status.textContent = found.label + " at " + time + ".";
  }

  function end(own, text) {
    if (own.stopped) return;
    own.stopped = true;
    own.microphone.stop();
    own.abort.abort();
    if (session === own) session = null;
    now.replaceChildren();
    start.textContent = "\u25cf Start listening";
    status.textContent = text;
  }
  function stop() {
    const own = session;
    end(own, "Stopped.");
    Api.request("/api/live/" + encodeURIComponent(own.id), { method: "DELETE" }).catch(() => { /* It ends by itself without sound. */ });
  }

  return { mount };
})();
