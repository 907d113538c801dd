"use strict";
// Sorts a table by a column: numbers by their value, the rest by their text; what is missing stays last.
const key = cell => cell.dataset.value === undefined ? cell.textContent.trim() : cell.dataset.value === "" ? null : Number(cell.dataset.value);
const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
function sort(table, column, down) {
  const body = table.tBodies[0], rows = [...body.rows], keys = new Map(rows.map(row => [row, key(row.cells[column])]));
  rows.sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    return a === null || b === null ? (a === null) - (b === null) : down ? order(b, a) : order(a, b);
  });
  body.append(...rows);
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table, column, down);
    });
  });
}
// Paper shows everything that a screen folds away.
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(one => { one.open = true; one.dataset.folded = ""; }));
addEventListener("afterprint", () => document.querySelectorAll("details[data-folded]").forEach(one => { one.open = false; delete one.dataset.folded; }));
