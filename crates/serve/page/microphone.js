// The microphone as blocks of mono samples, without what browsers do to make voices clearer.
const Microphone = (() => {
  "use strict";

  function reason(error) {
    const words = {
      NotAllowedError: "the browser was told not to give it. Allow the microphone for this page, and try again.",
      NotFoundError: "there is none.",
      NotReadableError: "another program uses it.",
    };
    return new Error("No microphone: " + (words[error.name] || error.message));
  }

  // Calls `take(samples)` for each block until `stop()` of what it returns: { rate, stop }.
  async function open(take) {
    if (!navigator.mediaDevices) {
      throw new Error("No microphone: browsers give it to pages from this computer (127.0.0.1) or over HTTPS only.");
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    } catch (error) {
      throw reason(error);
    }
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule("/assets/worklet.js");
    } catch (error) {
      stream.getTracks().forEach(track => track.stop());
      throw reason(error);
    }
    const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    const from = context.createMediaStreamSource(stream);
    tap.port.onmessage = event => take(event.data);
    from.connect(tap);
    await context.resume();
    return {
      rate: context.sampleRate,
      stop() {
        tap.port.onmessage = null;
        from.disconnect();
        stream.getTracks().forEach(track => track.stop());
        context.close();
      },
    };
  }

  return { open };
})();
