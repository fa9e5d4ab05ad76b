// Requests to the server: token, errors, and server-sent events. The token comes with the page's address and stays in this tab.
const Api = (() => {
  "use strict";
  const STORE = "barkbird-token", MOST_TRIES = 5;
  let ask = null;

  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(STORE, given);
    // Out of the address, so that it is not copied or photographed with it.
    history.replaceState(null, "", location.pathname);
  }

  class Failure extends Error {
    constructor(message, code, status) {
      super(message);
      Object.assign(this, { code, status });
    }
  }

  const wait = (seconds, signal) => new Promise((done, fail) => {
    const timer = setTimeout(done, seconds * 1000);
    if (signal) signal.addEventListener("abort", () => { clearTimeout(timer); fail(signal.reason); }, { once: true });
  });

  async function failure(response) {
    let error = {};
    try {
      error = (await response.json()).error || {};
    } catch {
      // An answer without our JSON, from a proxy for instance.
    }
    return new Failure(error.message || "the server answered " + response.status + " " + response.statusText, error.code || "internal", response.status);
  }

  // Answers with a Response that is good, or throws a Failure. A busy server is asked again after the time that it names.
  async function request(path, { method = "GET", body, headers = {}, signal, tries = MOST_TRIES } = {}) {
    for (let attempt = 1; ; attempt++) {
      const token = sessionStorage.getItem(STORE);
      let response;
      try {
        response = await fetch(path, { method, body, signal, headers: { ...headers, ...(token ? { Authorization: "Bearer " + token } : {}) }, cache: "no-store" });
      } catch (error) {
        if (signal && signal.aborted) throw error;
        throw new Failure("the server cannot be reached. Is it still running?", "unreachable", 0);
      }
      if (response.ok) return response;
      if (response.status === 401 && ask && await ask()) continue;
      const again = Number(response.headers.get("Retry-After"));
      if (response.status !== 503 || !(again > 0) || attempt >= tries) throw await failure(response);
      await wait(Math.min(again, 30), signal);
    }
  }
  const json = async (path, options) => (await request(path, options)).json();
  // Sends the bytes of a file or of a part of one.
  const upload = (path, body, options) => request(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, ...options, body });
  const post = (path, value) => request(path, { method: "POST", body: JSON.stringify(value), headers: { "Content-Type": "application/json" } });

  // Calls `on(name, data)` for each event until the stream ends. EventSource cannot send a token, so the stream is read here.
  async function events(path, options, on) {
    const response = await request(path, { ...options, headers: { ...(options.headers || {}), Accept: "text/event-stream" } });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", name = "", data = [];
    const line = text => {
      if (text === "") {
        if (data.length) on(name || "message", JSON.parse(data.join("\n")));
        [name, data] = ["", []];
      } else if (text.startsWith("event:")) name = text.slice(6).trim();
      else if (text.startsWith("data:")) data.push(text.slice(5).replace(/^ /, ""));
    };
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      lines.forEach(line);
    }
  }

  // The text of an error for people; a stopped request is no error.
  const stopped = error => error.name === "AbortError";
  const query = values => "?" + new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined));

  return {
    request, json, upload, post, events, query, wait, stopped, Failure,
    // Sets what asks for a token: a function that is a promise of true where there is a new one.
    askBy(f) { ask = f; },
    use(token) { sessionStorage.setItem(STORE, token); },
  };
})();
