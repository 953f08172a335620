// Comforts of the table of who is who: search, Enter keeps a line and goes on to the next. It works without this file.
"use strict";

(() => {
  const place = () => document.getElementById("staff");
  const form = () => document.getElementById("staff-form");
  const fields = () => [...document.querySelectorAll("#staff [data-line]")];
  const isChanged = (field) => field.value.trim() !== field.dataset.stood;

  function tell(text, tone) {
    const said = document.getElementById("staff-said");
    said.className = `note ${tone}`;
    said.textContent = text;
    said.hidden = !text;
  }

  function showButton(field) {
    const button = field.closest("tr").querySelector("button[name=only]");
    if (button) button.hidden = !isChanged(field);
  }

  function search() {
    const wanted = document.getElementById("staff-search").value.trim().toLowerCase();
    let seen = 0;
    for (const row of document.querySelectorAll("#staff tbody tr")) {
      const typed = row.querySelector("[data-line]");
      const words = `${row.dataset.words} ${typed ? typed.value : ""}`.toLowerCase();
      row.hidden = !words.includes(wanted);
      if (!row.hidden) seen += 1;
    }
    for (const group of document.querySelectorAll("#staff .staff-group")) {
      group.hidden = !group.querySelector("tbody tr:not([hidden])");
    }
    document.getElementById("staff-nobody").hidden = seen > 0;
  }

  // Sends the form, with one line's button when there is one, and shows the table that comes back.
  async function keep(button) {
    const searched = document.getElementById("staff-search").value;
    const sent = new URLSearchParams(new FormData(form()));
    sent.append(button ? button.name : "all", button ? button.value : "1");
    let answer, page;
    try {
      answer = await fetch(form().action, { method: "POST", body: sent });
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      tell(place().dataset.away, "bad");
      return false;
    }
    const fresh = page.getElementById("staff");
    const said = page.getElementById("staff-said");
    if (!fresh) {
      tell(said ? said.textContent : place().dataset.away, "bad");
      return false;
    }
    place().replaceWith(fresh);
    prepare();
    document.getElementById("staff-search").value = searched;
    search();
    return said.classList.contains("bad") === false;
  }

  function after(line) {
    const seen = fields().filter((field) => field.checkVisibility());
    const next = seen[seen.findIndex((field) => field.dataset.line === line) + 1];
    return next ? next.dataset.line : line;
  }

  async function keepLine(button) {
    const field = button.closest("tr").querySelector("[data-line]");
    const line = field.dataset.line;
    const next = after(line);
    const kept = await keep(button);
    const seen = fields().filter((one) => one.checkVisibility());
    const goal = seen.find((one) => one.dataset.line === (kept ? next : line)) || seen[0];
    (goal || document.getElementById("staff-search")).focus();
  }

  function onKey(event) {
    if (event.target.id === "staff-search" && event.key === "Enter") {
      event.preventDefault(); // it looks for somebody and keeps nothing
      const first = fields().find((one) => one.checkVisibility());
      if (first) first.focus();
      return;
    }
    const field = event.target.closest("[data-line]");
    if (!field) return;
    if (event.key === "Escape" && isChanged(field)) {
      field.value = field.dataset.stood;
      showButton(field);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const button = field.closest("tr").querySelector("button[name=only]");
      if (isChanged(field)) keepLine(button);
      else {
        const next = fields().find((one) => one.dataset.line === after(field.dataset.line));
        if (next) next.focus();
      }
    }
  }

  function onSubmit(event) {
    if (!event.submitter || event.submitter.name !== "only") return;
    event.preventDefault();
    keepLine(event.submitter);
  }

  function prepare() {
    if (!form()) return;
    document.querySelector("#staff .staff-search").hidden = false;
    document.getElementById("staff-search").addEventListener("input", search);
    for (const field of fields()) {
      showButton(field);
      field.addEventListener("input", () => showButton(field));
    }
    form().addEventListener("keydown", onKey);
    form().addEventListener("submit", onSubmit);
  }

  // The page around the frame may ask to keep what was typed; it learns whether that went well, and nothing else.
  window.addEventListener("message", async (event) => {
    const parent = place() ? place().dataset.parent : "";
    if (!parent || event.origin !== parent || event.source !== window.parent) return;
    if (!event.data || event.data.dozvon !== "keep") return;
    const isDone = form() && fields().some(isChanged) ? await keep(null) : true;
    window.parent.postMessage({ dozvon: "kept", done: isDone }, parent);
  });

  document.addEventListener("DOMContentLoaded", () => {
    prepare();
    const parent = place() ? place().dataset.parent : "";
    if (parent && window.parent !== window) window.parent.postMessage({ dozvon: "ready" }, parent);
  });
})();
