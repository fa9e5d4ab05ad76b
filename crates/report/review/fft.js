// The power spectrum of a short piece of sound.
const Fft = (() => {
  "use strict";

  // Of `n` samples, a power of two, under a Hann window; a sine of full scale has a power of 1 in its bin.
  function create(n) {
    const [cos, sin] = [new Float64Array(n / 2), new Float64Array(n / 2)];
    const [reversed, hann] = [new Uint32Array(n), new Float64Array(n)];
    const [re, im] = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0; i < n / 2; i++) {
      cos[i] = Math.cos(2 * Math.PI * i / n);
      sin[i] = Math.sin(2 * Math.PI * i / n);
    }
    let sum = 0;
    for (let i = 0; i < n; i++) {
      hann[i] = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / n);
      sum += hann[i];
      reversed[i] = (reversed[i >> 1] >> 1) | (i & 1 ? n >> 1 : 0);
    }
    const scale = 4 / (sum * sum);

    // Writes n / 2 + 1 powers to `out`; samples before and after the array count as silence.
    function power(samples, from, out) {
      for (let i = 0; i < n; i++) {
        const at = from + reversed[i];
        re[i] = at >= 0 && at < samples.length ? samples[at] * hann[reversed[i]] : 0;
        im[i] = 0;
      }
      for (let size = 2; size <= n; size *= 2) {
        const [half, step] = [size / 2, n / size];
        for (let block = 0; block < n; block += size) {
          for (let i = 0; i < half; i++) {
            const [a, b] = [block + i, block + i + half];
            const [c, s] = [cos[i * step], sin[i * step]];
            const [x, y] = [re[b] * c + im[b] * s, im[b] * c - re[b] * s];
            re[b] = re[a] - x;
            im[b] = im[a] - y;
            re[a] += x;
            im[a] += y;
          }
        }
      }
      for (let i = 0; i <= n / 2; i++) out[i] = scale * (re[i] * re[i] + im[i] * im[i]);
    }
    return { n, power };
  }

  return { create };
})();
