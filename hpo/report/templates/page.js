// Sorts a table by the column whose name is pressed: numbers by value, "-" last, words by alphabet.
for (const button of document.querySelectorAll("table.sortable button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement, row = head.parentElement, body = head.closest("table").tBodies[0];
    const column = [...row.children].indexOf(head), up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of row.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const text = (line) => line.children[column].textContent.trim();
    const number = (word) => (/^(< )?[+-]?[\d.]/.test(word) ? parseFloat(word.replaceAll(/[<, ]/g, "")) : NaN);
    const order = (a, b) => {
      const [s, t] = [text(a), text(b)], [x, y] = [number(s), number(t)];
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
      return (up ? 1 : -1) * (Number.isNaN(x) ? s.localeCompare(t) : x - y);
    };
    body.append(...[...body.rows].sort(order));
  });
}
// Plotly measures text in a drawing of its own, which is nothing to read.
document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true");
