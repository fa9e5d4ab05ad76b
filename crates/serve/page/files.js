// Files that are dropped or chosen, folders included: [{ path, file }], `path` with the names of the folders.
const Files = (() => {
  "use strict";
  const SOUND = /\.(wav|wave|bwf|rf64|w64|flac|mp3|ogg|oga|opus|aif|aiff|aifc|caf|m4a|m4b|mp4|aac|au|snd|mka|webm)$/i;
  const isSound = file => SOUND.test(file.name) || file.type.startsWith("audio/");
  const byPath = (a, b) => a.path.localeCompare(b.path, "en", { numeric: true });

  const entryFile = entry => new Promise((done, fail) => entry.file(done, fail));
  async function walk(entry, path, found) {
    if (entry.isFile) {
      found.push({ path: path + entry.name, file: await entryFile(entry) });
      return;
    }
    const reader = entry.createReader();
    // A reader gives at most 100 entries at a time.
    for (;;) {
      const entries = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!entries.length) return;
      for (const child of entries) await walk(child, path + entry.name + "/", found);
    }
  }

  const sorted = all => {
    const visible = all.filter(({ file }) => !file.name.startsWith("."));
    const sounds = visible.filter(({ file }) => isSound(file)).sort(byPath);
    return { sounds, others: visible.length - sounds.length };
  };

  // Of a drop; the entries have to be taken before the first wait, since the browser empties the list then.
  async function dropped(transfer) {
    const entries = [...transfer.items].map(item => item.kind === "file" && item.webkitGetAsEntry ? item.webkitGetAsEntry() : null).filter(Boolean);
    if (!entries.length) return sorted([...transfer.files].map(file => ({ path: file.name, file })));
    const found = [];
    for (const entry of entries) await walk(entry, "", found);
    return sorted(found);
  }
  const chosen = input => sorted([...input.files].map(file => ({ path: file.webkitRelativePath || file.name, file })));

  // An area that takes drops, with buttons to choose instead. `take({ sounds, others })` gets them.
  function area(text, take, { folderOnly = false } = {}) {
    const { make, button } = Dom;
    const input = attributes => make("input", {
      type: "file", multiple: true, hidden: true, tabindex: "-1", onchange: event => { take(chosen(event.target)); event.target.value = ""; }, ...attributes,
    });
    const files = input({ accept: "audio/*,.wav,.flac,.w64,.caf,.aif,.aiff,.opus", class: "choose-files", "aria-label": "Files" });
    const folder = input({ webkitdirectory: true, class: "choose-folder", "aria-label": "Folder" });
    return make("div", { class: "drop" }, make("p", null, text), make("div", { class: "buttons" },
      folderOnly ? null : button("Choose files", () => files.click()), button("Choose a folder", () => folder.click())), folderOnly ? null : files, folder);
  }

  return { dropped, area };
})();
