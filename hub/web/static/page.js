// Small comforts of the pages; everything works without them. Sends nothing anywhere.
"use strict";

for (const box of document.querySelectorAll("[data-filter]")) {
  const input = box.querySelector("input");
  const told = box.querySelector("[role=status]");
  const items = document.querySelectorAll(`${box.dataset.filter} li, ${box.dataset.filter} tbody tr`);
  const groups = document.querySelectorAll(`${box.dataset.filter} .day`);
  box.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const item of items) {
      item.hidden = wanted !== "" && !item.textContent.toLowerCase().includes(wanted);
      shown += item.hidden ? 0 : 1;
    }
    for (const day of groups) {
      const list = day.nextElementSibling;
      day.hidden = !list || ![...list.children].some((item) => !item.hidden);
    }
    told.textContent = wanted === "" ? "" : `${shown} of ${items.length}`;
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
