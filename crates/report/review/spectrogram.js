// Spectrograms: sound to pixels, piece by piece, on a mel axis. Drawn are decibels of full scale in the report's colors.
//
// A source is { seconds, rate, samples(from, n), slow }: `samples` gives mono samples, or, where `slow` is true, a promise of them.
const Spectrogram = (() => {
  "use strict";
  // From quiet to loud; lightness rises evenly, so that the picture reads the same in gray. The same as in the report.
  const POINTS = [[10, 8, 24], [48, 20, 92], [112, 30, 122], [176, 48, 112], [226, 88, 78], [248, 156, 78], [252, 236, 176]];
  const SILENCE_DB = -120;
  // Columns that are read together.
  const BATCH = 32;
  const COLORS = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const place = i / 255 * (POINTS.length - 1);
    const low = Math.min(Math.floor(place), POINTS.length - 2);
    const [r, g, b] = POINTS[low].map((from, channel) => Math.round(from + (place - low) * (POINTS[low + 1][channel] - from)));
    COLORS[i] = 0xff000000 | b << 16 | g << 8 | r;
  }

  const mel = hz => 2595 * Math.log10(1 + hz / 700);
  const hz = mel => 700 * (Math.pow(10, mel / 2595) - 1);
  // Where a frequency is on the axis: 0 at the bottom, 1 at the top.
  const share = (frequency, top) => mel(frequency) / mel(top);

  // Frequencies to write at an axis up to `top` Hz that is `height` pixels high.
  function ticks(top, height) {
    const kept = [];
    for (const value of [500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000]) {
      if (value > top) break;
      if (kept.length === 0 || (share(value, top) - share(kept[kept.length - 1], top)) * height >= 14) kept.push(value);
    }
    return kept;
  }

  // Computes columns of `height` levels in dB, lowest band first, for sounds of one rate.
  function analysis(rate, height) {
    let n = 256;
    while (n < rate * 0.02) n *= 2;
    const fft = Fft.create(n), powers = new Float64Array(n / 2 + 1);
    const top = rate / 2, bin = rate / n;
    const [from, to] = [new Float64Array(height), new Float64Array(height)];
    for (let row = 0; row < height; row++) {
      from[row] = hz(row / height * mel(top)) / bin;
      to[row] = hz((row + 1) / height * mel(top)) / bin;
    }
    // The levels around sample `at` of `samples`; where `add` is true, the louder of these and of what `out` has.
    function column(samples, at, out, add) {
      fft.power(samples, Math.round(at - n / 2), powers);
      for (let row = 0; row < height; row++) {
        let power = 0;
        if (to[row] - from[row] < 1.5) {
          const center = Math.min((from[row] + to[row]) / 2, n / 2 - 1e-9), low = Math.floor(center);
          power = powers[low] + (center - low) * (powers[low + 1] - powers[low]);
        } else {
          for (let i = Math.ceil(from[row]); i <= Math.min(to[row], n / 2); i++) if (powers[i] > power) power = powers[i];
        }
        const level = power > 1e-12 ? 10 * Math.log10(power) : SILENCE_DB;
        if (!add || level > out[row]) out[row] = level;
      }
    }
    return { n, top, column };
  }

  // The levels that become the darkest and the brightest color: most of the noise is dark, the loudest sounds are not cut.
  function range(levels) {
    const sorted = Float32Array.from(levels).sort();
    const high = Math.max(sorted[Math.floor((sorted.length - 1) * 0.998)], -90);
    const low = Math.max(sorted[Math.floor((sorted.length - 1) * 0.25)], high - 75);
    return [Math.min(low, high - 30), high];
  }

  function paint(pixels, width, height, x, levels, [low, high]) {
    for (let row = 0; row < height; row++) {
      const level = Math.max(0, Math.min(255, Math.round((levels[row] - low) / (high - low) * 255)));
      pixels[(height - 1 - row) * width + x] = COLORS[level];
    }
  }

  // Draws `source` from `start` to `end` seconds over the whole canvas; returns { cancel(), done }: `done` is a promise that is true
  // when all is drawn and false when it was canceled. What was in the canvas stays until it is drawn over.
  function draw(canvas, source, start, end) {
    const { width, height } = canvas;
    const context = canvas.getContext("2d", { alpha: false });
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const { rate } = source, work = analysis(rate, height);
    const pixel = (end - start) / width * rate;
    // Of a long stretch, a few looks stand for each column; fewer where each of them is a read of its own.
    const looks = Math.max(1, Math.min(source.slow ? 2 : 6, Math.ceil(pixel / (work.n / 2))));
    let canceled = false;

    // What the columns need, read side by side where reading takes time.
    async function columns(xs) {
      const places = xs.flatMap(x => Array.from({ length: looks }, (_, look) => start * rate + (x + (look + 0.5) / looks) * pixel));
      const firsts = places.map(at => Math.max(0, Math.floor(at - work.n / 2)));
      const reads = firsts.map(first => source.samples(first, work.n + 2));
      const samples = source.slow ? await Promise.all(reads) : reads;
      return (i, out) => {
        for (let look = 0; look < looks; look++) {
          const k = i * looks + look;
          work.column(samples[k], places[k] - firsts[k], out, look > 0);
        }
      };
    }
    async function run() {
      const few = Math.min(width, 64), sample = new Float32Array(few * height), levels = new Float32Array(height);
      const column = await columns(Array.from({ length: few }, (_, i) => Math.floor((i + 0.5) * width / few)));
      for (let i = 0; i < few; i++) {
        column(i, levels);
        sample.set(levels, i * height);
      }
      const colors = range(sample);
      let drawn = 0, since = performance.now();
      for (let first = 0; first < width && !canceled; first += BATCH) {
        const xs = Array.from({ length: Math.min(BATCH, width - first) }, (_, i) => first + i);
        const column = await columns(xs);
        for (const x of xs) {
          if (canceled) return false;
          column(x - first, levels);
          paint(pixels, width, height, x, levels, colors);
          if (performance.now() - since < 12 && x < width - 1) continue;
          context.putImageData(image, 0, 0, drawn, 0, x + 1 - drawn, height);
          drawn = x + 1;
          await new Promise(next => setTimeout(next, 0));
          since = performance.now();
        }
      }
      return !canceled;
    }
    return { cancel: () => { canceled = true; }, done: run() };
  }

  // A spectrogram of sound that is still coming: new columns come in at the right. `seconds` fill the canvas.
  function running(canvas, rate, seconds) {
    const { width, height } = canvas;
    const context = canvas.getContext("2d", { alpha: false });
    const image = context.createImageData(1, height), pixels = new Uint32Array(image.data.buffer);
    const work = analysis(rate, height), levels = new Float32Array(height);
    const step = Math.max(1, Math.round(seconds * rate / width));
    let kept = new Float32Array(0), floor = -70;
    context.fillStyle = "rgb(" + POINTS[0].join() + ")";
    context.fillRect(0, 0, width, height);
    function push(samples) {
      const joined = new Float32Array(kept.length + samples.length);
      joined.set(kept);
      joined.set(samples, kept.length);
      let at = work.n / 2;
      for (; at + work.n / 2 <= joined.length; at += step) {
        work.column(joined, at, levels, false);
        // The floor follows the noise slowly, so that a quiet microphone does not give a black picture.
        const median = Float32Array.from(levels).sort()[height >> 1];
        floor += 0.02 * (Math.max(median, -110) - floor);
        paint(pixels, 1, height, 0, levels, [floor, floor + 55]);
        context.drawImage(canvas, -1, 0);
        context.putImageData(image, width - 1, 0);
      }
      kept = joined.slice(at - work.n / 2);
    }
    return { push };
  }

  return { draw, running, share, ticks, analysis, range };
})();
