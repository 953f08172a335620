// Comforts only: every page does its work without this file.
"use strict";

function offerCopying(root) {
  for (const button of root.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copies);
      try {
        await navigator.clipboard.writeText(source.textContent.trim());
        button.textContent = button.dataset.done;
      } catch {
        // Without https a browser keeps its clipboard shut: the text is selected, Ctrl-C does the rest.
        getSelection().selectAllChildren(source);
      }
    });
  }
}

function offerTickingAll(root) {
  for (const box of root.querySelectorAll("input[data-ticks]")) {
    box.hidden = false;
    box.addEventListener("change", () => {
      for (const one of document.querySelectorAll(`input[name="${box.dataset.ticks}"]`)) one.checked = box.checked;
    });
  }
}

function offerFiltering(root) {
  for (const box of root.querySelectorAll("input[data-filters]")) {
    const rows = document.querySelectorAll(`#${box.dataset.filters} tbody tr`);
    box.addEventListener("input", () => {
      const wanted = box.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
}

async function drawQuota(place) {
  const answer = await fetch(place.dataset.source, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const { hours, lanes } = await answer.json();
  const tokens = getComputedStyle(document.documentElement);
  const colours = ["--bar-good", "--bar-ring", "--bar-bad"].map((name) => tokens.getPropertyValue(name));
  const ink = tokens.getPropertyValue("--ink-soft");
  const axis = { stroke: ink, grid: { stroke: tokens.getPropertyValue("--line"), width: 1 } };
  const clock = (seconds) => new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: place.dataset.zone,
  }).format(seconds * 1000);
  const options = {
    width: place.clientWidth,
    height: 200,
    padding: [12, 28, 0, 0],
    cursor: { drag: { setScale: false } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 44 }],
    series: [
      { label: place.dataset.hour, value: (_, seconds) => (seconds === null ? "–" : clock(seconds)) },
      ...lanes.map((lane, index) => ({
        label: lane.title, stroke: colours[index % colours.length], width: 2, points: { show: true, size: 5 },
      })),
    ],
  };
  const chart = new uPlot(options, [hours, ...lanes.map((lane) => lane.requests)], place);
  addEventListener("resize", () => chart.setSize({ width: place.clientWidth, height: 200 }));
}

function prepare(root) {
  offerCopying(root);
  offerTickingAll(root);
  offerFiltering(root);
  for (const place of root.querySelectorAll("[data-source]")) drawQuota(place);
}

document.addEventListener("DOMContentLoaded", () => prepare(document));
document.addEventListener("htmx:after:swap", () => offerTickingAll(document));
