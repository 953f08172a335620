// Lets the portal give the frame the height of the page.
"use strict";

(() => {
  const portal = window.BX24;
  if (!portal) return;
  portal.init(() => {
    portal.fitWindow();
    new ResizeObserver(() => portal.fitWindow()).observe(document.querySelector("main")); // the table grows and shrinks
  });
})();
