// Plays a span of a sound; one sound at a time.
//
// What can be played is made by ofBuffer (decoded sound), ofUrl (a file that the browser decodes as it plays) or ofSlices (a function that
// gives decoded sound from start to end, for files that are too long to be decoded whole).
const Sound = (() => {
  "use strict";
  const SLICE_S = 30;
  let context = null, playing = null;

  function audio() {
    if (!context) context = new AudioContext();
    if (context.state === "suspended") context.resume();
    return context;
  }
  const ofBuffer = buffer => ({ kind: "buffer", buffer });
  const ofUrl = url => ({ kind: "url", url });
  const ofSlices = slice => ({ kind: "slices", slice });

  // One AudioBuffer, from `from` to `to` seconds of it. `position` says where it is, `ended` is a promise.
  function startBuffer(buffer, from, to) {
    const node = audio().createBufferSource();
    node.buffer = buffer;
    node.connect(context.destination);
    const began = context.currentTime;
    const ended = new Promise(done => { node.onended = done; });
    node.start(0, from, Math.max(0.01, to - from));
    return { position: () => Math.min(to, from + context.currentTime - began), ended, stop: () => node.stop() };
  }

  async function runBuffers(of, job) {
    for (let at = job.start; at < job.end && !job.stopped;) {
      const until = of.kind === "buffer" ? job.end : Math.min(job.end, at + SLICE_S);
      const buffer = of.kind === "buffer" ? of.buffer : await of.slice(at, until);
      if (job.stopped) break;
      const first = of.kind === "buffer" ? at : 0;
      const part = startBuffer(buffer, first, first + until - at);
      const origin = at - first;
      job.position = () => origin + part.position();
      job.halt = part.stop;
      await part.ended;
      at = until;
    }
  }
  async function runUrl(of, job) {
    const element = new Audio(of.url);
    element.currentTime = job.start;
    job.position = () => element.currentTime;
    job.halt = () => element.pause();
    await element.play();
    await new Promise(done => {
      job.halt = () => { element.pause(); done(); };
      element.onended = done;
      element.ontimeupdate = () => { if (element.currentTime >= job.end) { element.pause(); done(); } };
    });
  }

  // Plays `of` from `start` to `end` seconds. `tick` is called with the place about 60 times a second, and with null at the end.
  // The promise is true where all was played.
  async function play(of, start, end, tick) {
    stop();
    const job = { start, end, stopped: false, position: () => start, halt: () => {} };
    playing = job;
    const follow = () => {
      if (playing !== job) return;
      if (tick) tick(job.position());
      requestAnimationFrame(follow);
    };
    requestAnimationFrame(follow);
    try {
      await (of.kind === "url" ? runUrl(of, job) : runBuffers(of, job));
    } finally {
      if (playing === job) playing = null;
      if (tick) tick(null);
    }
    return !job.stopped;
  }
  function stop() {
    if (!playing) return;
    const job = playing;
    playing = null;
    job.stopped = true;
    job.halt();
  }
  // Where the sound that plays is, in seconds; null where none plays.
  const position = () => playing ? playing.position() : null;

  return { ofBuffer, ofUrl, ofSlices, play, stop, position };
})();
