// Comforts only: every page does its work without this file.
"use strict";

const ready = new WeakSet();

/* Those of `found` that were not seen before: a part of a page that htmx renewed is prepared once more. */
function fresh(found) {
  return [...found].filter((one) => !ready.has(one) && ready.add(one));
}

function showWhatNeedsThisFile() {
  for (const one of document.querySelectorAll("[data-copies], input[data-ticks], [data-with-script]")) one.hidden = false;
}

function offerCopying() {
  for (const button of fresh(document.querySelectorAll("button[data-copies]"))) {
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

function offerTickingAll() {
  for (const box of fresh(document.querySelectorAll("input[data-ticks]"))) {
    box.addEventListener("change", () => {
      for (const one of document.querySelectorAll(`input[name="${box.dataset.ticks}"]`)) one.checked = box.checked;
    });
  }
}

function offerFiltering() {
  for (const box of fresh(document.querySelectorAll("input[data-filters]"))) {
    const place = box.dataset.filters;
    box.addEventListener("input", () => {
      const wanted = box.value.trim().toLowerCase();
      for (const row of document.querySelectorAll(`#${place} tbody tr, #${place} > li`))
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
}

function showThatItWorks() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[hx-get], [hx-post]") || event.defaultPrevented) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
  });
  // A page that the Back button brings out of memory must not look as if it still worked.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  });
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
    // A whole day from nought, however little of it there is yet: by itself uPlot would stretch a single hour.
    scales: { x: { range: () => [hours.at(-1) - 23 * 3600, hours.at(-1) + 3600] }, y: { range: (_, low, high) => [0, (high || 1) * 1.1] } },
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

function fillOwnZone() {
  for (const field of fresh(document.querySelectorAll("input[data-own-zone]"))) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if ([...field.list.options].some((option) => option.value === zone)) field.value = zone;
  }
}

function prepare() {
  fillOwnZone();
  showWhatNeedsThisFile();
  offerCopying();
  offerTickingAll();
  offerFiltering();
  for (const place of fresh(document.querySelectorAll("[data-source]"))) drawQuota(place);
}

document.addEventListener("DOMContentLoaded", () => {
  showThatItWorks();
  prepare();
});
document.addEventListener("htmx:after:swap", prepare);
