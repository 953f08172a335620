// Lets the portal give the frame the height of the page.
"use strict";

(() => {
  const portal = window.BX24;
  if (portal) portal.init(() => portal.fitWindow());
})();
