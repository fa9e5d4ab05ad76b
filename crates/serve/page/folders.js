// From folders to classes: which recordings are of which class, and which belong together.
const Folders = (() => {
  "use strict";

  // A folder is a class where recordings lie in it directly, or where several folders were given at once; else its folders are the classes.
  // Files are { path, file }, paths beginning with the given folder. Answers with roots: [{ name, files, isClass }].
  function roots(files) {
    const by = new Map();
    for (const of of files) {
      const cut = of.path.indexOf("/");
      if (cut < 0) continue;
      const name = of.path.slice(0, cut);
      if (!by.has(name)) by.set(name, []);
      by.get(name).push({ rest: of.path.slice(cut + 1), file: of.file });
    }
    return [...by].map(([name, files]) => ({ name, files, isClass: by.size > 1 || files.some(of => !of.rest.includes("/")) }));
  }

  // Classes of all roots: Map of class to [{ name, file }]. `name` keeps the folders below the class: recordings of one folder are from one
  // place or animal, and stay together when the model is tested.
  function classes(all) {
    const found = new Map();
    const put = (label, name, file) => {
      if (!found.has(label)) found.set(label, []);
      found.get(label).push({ name, file });
    };
    for (const { name, files, isClass } of all) {
      for (const { rest, file } of files) {
        const cut = rest.indexOf("/");
        if (isClass) put(name, rest, file);
        else if (cut > 0) put(rest.slice(0, cut), rest.slice(cut + 1), file);
      }
    }
    return found;
  }

  return { roots, classes };
})();
