// Shows or hides what a legend's button names, in every panel of its figure.
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", shown);
    for (const panel of button.closest("figure").querySelectorAll(".plotly-graph-div")) {
      const named = [...panel.data.keys()].filter((index) => panel.data[index].legendgroup === button.dataset.key);
      if (named.length) Plotly.restyle(panel, { visible: shown }, named);
    }
  });
}
