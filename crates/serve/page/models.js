// Which models the server has, and which one is chosen.
const Models = (() => {
  "use strict";
  const changed = [];
  let answer = { models: [], limits: {}, can_fit: false, review: null }, name = "";

  const current = () => answer.models.find(model => model.name === name) || answer.models[0] || null;

  async function load(choose) {
    answer = await Api.json("/api/models");
    const select = document.getElementById("model");
    if (choose && answer.models.some(model => model.name === choose)) name = choose;
    name = (current() || { name: "" }).name;
    select.replaceChildren(...answer.models.map(model => Dom.make("option", { value: model.name }, model.name + ": " + model.classes.join(", "))));
    select.value = name;
    select.disabled = answer.models.length < 2;
    select.onchange = () => { name = select.value; changed.forEach(f => f()); };
    changed.forEach(f => f());
  }

  return { load, current, all: () => answer, onChange(f) { changed.push(f); } };
})();
