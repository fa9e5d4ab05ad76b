// A file to look at and to listen to. Short files are decoded whole by the browser; of a long WAV file only the parts that are looked at
// are read; other long files can be played, but have no spectrogram.
const Decode = (() => {
  "use strict";
  const MOST_S = 600, MOST_BYTES = 300e6;

  // Rate and length of a FLAC file, from its first block.
  async function flac(file) {
    const view = new DataView(await file.slice(0, 42).arrayBuffer());
    if (view.byteLength < 42 || view.getUint32(0) !== 0x664c6143 || (view.getUint8(4) & 127) !== 0) return null;
    const rate = view.getUint32(18) >>> 12;
    const total = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
    return rate ? { rate, seconds: total / rate } : null;
  }
  // The length as the browser's player sees it; null where it cannot play the file.
  const playable = url => new Promise(done => {
    const element = new Audio();
    element.preload = "metadata";
    element.onloadedmetadata = () => done(element.duration);
    element.onerror = () => done(null);
    setTimeout(() => done(null), 10000);
    element.src = url;
  });

  const mixed = channels => {
    if (channels.length === 1) return channels[0];
    const out = new Float32Array(channels[0].length);
    for (const samples of channels) for (let i = 0; i < out.length; i++) out[i] += samples[i] / channels.length;
    return out;
  };
  const pick = (channels, channel) => channel === null || channel >= channels.length ? mixed(channels) : channels[channel];

  function decoded(buffer) {
    const of = channel => Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i)).filter((_, i) => channel === null || i === channel);
    return {
      seconds: buffer.duration, channels: buffer.numberOfChannels, of: Sound.ofBuffer(buffer), note: "",
      source: channel => ({
        seconds: buffer.duration, rate: buffer.sampleRate,
        samples: (from, n) => mixed(of(channel).map(samples => samples.subarray(from, from + n))),
      }),
    };
  }
  function sliced(file, head, note) {
    const slice = async (start, end) => {
      const channels = await Wav.frames(file, head, Math.round(start * head.rate), Math.max(1, Math.round((end - start) * head.rate)));
      const buffer = new AudioBuffer({ length: Math.max(1, channels[0].length), numberOfChannels: channels.length, sampleRate: head.rate });
      channels.forEach((samples, i) => buffer.copyToChannel(samples, i));
      return buffer;
    };
    return {
      seconds: head.seconds, channels: head.channels, of: Sound.ofSlices(slice), note,
      source: channel => ({
        seconds: head.seconds, rate: head.rate, slow: true, samples: async (from, n) => pick(await Wav.frames(file, head, from, n), channel),
      }),
    };
  }

  // { seconds, channels, of, note, source(channel), close() }: `source` gives what Spectrogram draws, of one channel or (null) of all of
  // them mixed, or null where there is no picture. `seconds` is null where only the server knows the length.
  async function open(file) {
    const url = URL.createObjectURL(file), close = () => URL.revokeObjectURL(url);
    const without = (seconds, note) => ({ seconds, channels: 1, of: seconds === null ? null : Sound.ofUrl(url), note, source: () => null, close });
    const head = await Wav.header(file);
    if (head && (head.seconds > MOST_S || file.size > MOST_BYTES)) {
      return { ...sliced(file, head, "A long recording: only the parts that you look at are read."), close };
    }
    // Browsers need not decode to more than 96 kHz, and ultrasound would be lost.
    if (head && head.rate > 96000) return { ...sliced(file, head, ""), close };
    const known = head || await flac(file) || { rate: 48000, seconds: await playable(url) };
    if (known.seconds > MOST_S || file.size > MOST_BYTES) {
      return without(known.seconds, "This recording is longer than 10 minutes, so there is no spectrogram of it. Windows and events are shown, " +
        "and can be played. (Of WAV files of any length there is one.)");
    }
    try {
      const context = new OfflineAudioContext(1, 1, Math.max(8000, Math.min(96000, known.rate)));
      return { ...decoded(await context.decodeAudioData(await file.arrayBuffer())), close };
    } catch {
      if (head) return { ...sliced(file, head, ""), close };
      const seconds = await playable(url);
      return without(Number.isFinite(seconds) ? seconds : null, "This browser cannot decode the file, so there is no spectrogram" +
        (seconds === null ? " and no sound" : "") + ". The server can: windows and events are shown.");
    }
  }

  return { open };
})();
