// WAV files: where the samples of one are, any stretch of them, and new ones.
const Wav = (() => {
  "use strict";
  const bytes = async (file, from, to) => new DataView(await file.slice(from, to).arrayBuffer());
  const tag = (view, at) => String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));

  // { rate, channels, bits, isFloat, from, frames, seconds } of a file with PCM, or null. RF64 and files that end early are read, too.
  async function header(file) {
    if (file.size < 44) return null;
    const start = await bytes(file, 0, 12);
    if (!["RIFF", "RF64"].includes(tag(start, 0)) || tag(start, 8) !== "WAVE") return null;
    let at = 12, format = null, large = 0;
    while (at + 8 <= file.size) {
      const chunk = await bytes(file, at, at + 48), name = tag(chunk, 0);
      const size = chunk.getUint32(4, true);
      if (name === "ds64") large = Number(chunk.getBigUint64(16, true));
      if (name === "fmt " && chunk.byteLength >= 24) {
        const code = chunk.getUint16(8, true), extended = code === 0xfffe && chunk.byteLength >= 34;
        format = {
          kind: extended ? chunk.getUint16(32, true) : code, channels: chunk.getUint16(10, true), rate: chunk.getUint32(12, true),
          frame: chunk.getUint16(20, true), bits: chunk.getUint16(22, true),
        };
      }
      if (name === "data") {
        const { kind, channels, rate, frame, bits } = format || {};
        const readable = kind === 1 && [8, 16, 24, 32].includes(bits) || kind === 3 && [32, 64].includes(bits);
        if (!readable || !channels || !rate || frame !== channels * bits / 8) return null;
        const length = Math.min(size === 0xffffffff && large ? large : size, file.size - at - 8);
        const frames = Math.floor(length / frame);
        return { rate, channels, bits, frame, isFloat: kind === 3, from: at + 8, frames, seconds: frames / rate };
      }
      at += 8 + size + size % 2;
    }
    return null;
  }

  function reader({ bits, isFloat }) {
    if (isFloat) return bits === 32 ? (view, at) => view.getFloat32(at, true) : (view, at) => view.getFloat64(at, true);
    if (bits === 8) return (view, at) => (view.getUint8(at) - 128) / 128;
    if (bits === 16) return (view, at) => view.getInt16(at, true) / 32768;
    if (bits === 24) return (view, at) => (view.getUint8(at) | view.getUint8(at + 1) << 8 | view.getInt8(at + 2) << 16) / 8388608;
    return (view, at) => view.getInt32(at, true) / 2147483648;
  }

  // Frames `from` to `from + n` as one array a channel; fewer at the end of the file.
  async function frames(file, of, from, n) {
    const [first, last] = [Math.max(0, Math.min(from, of.frames)), Math.max(0, Math.min(from + n, of.frames))];
    const view = await bytes(file, of.from + first * of.frame, of.from + last * of.frame);
    const read = reader(of), width = of.bits / 8;
    return Array.from({ length: of.channels }, (_, channel) => {
      const samples = new Float32Array(last - first);
      for (let i = 0; i < samples.length; i++) samples[i] = read(view, i * of.frame + channel * width);
      return samples;
    });
  }

  const clipped = sample => Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
  function pcm16(samples) {
    const out = new DataView(new ArrayBuffer(2 * samples.length));
    samples.forEach((sample, i) => out.setInt16(2 * i, clipped(sample), true));
    return out.buffer;
  }

  // A file of one channel and 16 bits from arrays of samples.
  function make(parts, rate, name) {
    const length = 2 * parts.reduce((sum, part) => sum + part.length, 0);
    const head = new DataView(new ArrayBuffer(44));
    const text = (at, value) => [...value].forEach((c, i) => head.setUint8(at + i, c.charCodeAt(0)));
    text(0, "RIFF"); head.setUint32(4, 36 + length, true); text(8, "WAVEfmt ");
    head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 1, true);
    head.setUint32(24, rate, true); head.setUint32(28, 2 * rate, true); head.setUint16(32, 2, true); head.setUint16(34, 16, true);
    text(36, "data"); head.setUint32(40, length, true);
    return new File([head.buffer, ...parts.map(pcm16)], name, { type: "audio/wav" });
  }

  return { header, frames, make, pcm16 };
})();
