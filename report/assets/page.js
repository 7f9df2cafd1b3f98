"use strict";
// Draws the figures in the theme of the moment, switches views, sorts tables.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const template = read("template");
  const counterparts = read("counterparts");
  const root = document.documentElement;
  const coarse = matchMedia("(pointer: coarse)");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const chosenView = new Map();
  // Pixels below which a chart has room for less.
  const NARROW = 420;
  let printing = false;

  const isDark = () =>
    !printing &&
    (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);

  const COLOUR = /^(#[0-9a-f]{6})([0-9a-f]{2})?$/;

  /** A copy of a figure in the colours of the theme. */
  function themed(value, dark) {
    if (typeof value === "string") {
      const match = dark && COLOUR.exec(value);
      return match && counterparts[match[1]]
        ? counterparts[match[1]] + (match[2] ?? "")
        : value;
    }
    if (Array.isArray(value)) return value.map((each) => themed(each, dark));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, themed(each, dark)])
    );
  }

  function setPath(object, path, value) {
    const names = path.split(".");
    const last = names.pop();
    for (const name of names) object = object[name] ??= {};
    object[last] = value;
  }

  function draw(box) {
    // Left out on narrow screens.
    if (!box.clientWidth) return undefined;
    const { views, phone } = figures[box.id];
    const figure = themed(views[chosenView.get(box.id) ?? 0], isDark());
    const layout = {
      ...figure.layout,
      template: themed(template, isDark()),
      font: { family: getComputedStyle(document.body).fontFamily },
      height: box.clientHeight,
      width: box.clientWidth,
    };
    if (box.clientWidth < NARROW) {
      for (const [path, value] of Object.entries(phone)) setPath(layout, path, value);
    }
    // A finger scrolls the page; a mouse may zoom.
    layout.dragmode = coarse.matches ? false : "zoom";
    return Plotly.react(box, figure.data, layout, {
      displayModeBar: false,
      showTips: false,
    });
  }

  const boxes = [...document.querySelectorAll(".plot")];
  const drawAll = () => Promise.all(boxes.map(draw));

  /** One after the other, so that the page can be scrolled meanwhile. */
  async function drawFirst() {
    for (const box of boxes) {
      await draw(box);
      await new Promise((done) => setTimeout(done));
    }
    root.dataset.drawn = "yes";
  }

  function labelTheme() {
    const button = document.getElementById("theme");
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use the ${isDark() ? "light" : "dark"} theme`);
  }

  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("vigil-theme", root.dataset.theme);
    } catch (error) {
      // It lasts as long as the page is open.
    }
    labelTheme();
    drawAll();
  });
  prefersDark.addEventListener("change", () => {
    labelTheme();
    drawAll();
  });

  for (const input of document.querySelectorAll(".views input")) {
    input.addEventListener("change", () => {
      const box = document.getElementById(input.dataset.plot);
      chosenView.set(box.id, Number(input.value));
      for (const legend of document.querySelectorAll(`[data-plot="${box.id}"][data-view]`)) {
        legend.hidden = legend.dataset.view !== input.value;
      }
      draw(box);
    });
  }

  let waiting = 0;
  let width = innerWidth;
  addEventListener("resize", () => {
    // A phone's address bar changes the height while scrolling.
    if (innerWidth === width || printing) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 120);
  });
  addEventListener("beforeprint", () => {
    printing = true;
    root.classList.add("printing");
    drawAll();
  });
  addEventListener("afterprint", () => {
    printing = false;
    root.classList.remove("printing");
    drawAll();
  });

  /** The value a cell is sorted by: a number, null for none, or text. */
  function sortKey(cell, isNumber) {
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    return isNumber ? null : cell.textContent.trim();
  }

  function sortTable(button) {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const body = table.tBodies[0];
    const column = heading.cellIndex;
    const isNumber = heading.classList.contains("number");
    const current = heading.getAttribute("aria-sort");
    // Numbers first from the largest on, texts from A.
    const first = isNumber ? "descending" : "ascending";
    const second = isNumber ? "ascending" : "descending";
    const order = current === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [sortKey(row.cells[column], isNumber), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
    });
    body.append(...rows.map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
  }

  for (const button of document.querySelectorAll("th button")) {
    button.addEventListener("click", () => sortTable(button));
  }

  labelTheme();
  drawFirst();
})();
