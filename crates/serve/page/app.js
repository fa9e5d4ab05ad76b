// The tabs, the token, and the start of it all.
const App = (() => {
  "use strict";
  const problem = document.getElementById("problem");
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const shows = { review: () => Review.show(), train: () => Train.show() };

  function open(name, focus = false) {
    for (const tab of tabs) {
      const chosen = tab.id === "tab-" + name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
      if (chosen && focus) tab.focus();
    }
    Sound.stop();
    history.replaceState(null, "", "#" + name);
    if (shows[name]) shows[name]();
  }
  const nameOf = tab => tab.getAttribute("aria-controls");
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => open(nameOf(tab)));
    tab.addEventListener("keydown", event => {
      const to = { ArrowRight: (i + 1) % tabs.length, ArrowLeft: (i + tabs.length - 1) % tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      open(nameOf(tabs[to]), true);
    });
  });

  let asking = null;
  Api.askBy(() => asking ||= new Promise(done => {
    const dialog = document.getElementById("token"), value = document.getElementById("token-value");
    value.value = "";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      asking = null;
      if (dialog.returnValue === "ok" && value.value) Api.use(value.value.trim());
      done(dialog.returnValue === "ok" && value.value !== "");
      dialog.returnValue = "";
    }, { once: true });
  }));

  async function start() {
    Recordings.mount(document.getElementById("classify"));
    Live.mount(document.getElementById("listen"));
    Review.mount(document.getElementById("review"));
    Train.mount(document.getElementById("train"));
    try {
      await Models.load();
      const { version } = await Api.json("/api/health");
      document.getElementById("about").textContent = "barkbird " + version + ". Recordings go to this server and nowhere else.";
    } catch (error) {
      problem.hidden = false;
      problem.textContent = "The models cannot be listed: " + error.message;
      return;
    }
    const wanted = location.hash.slice(1);
    open(tabs.some(tab => nameOf(tab) === wanted) ? wanted : "classify");
  }

  start();
  return { open };
})();
