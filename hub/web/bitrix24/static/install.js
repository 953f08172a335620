// Tells the portal that the installation is done: the events are bound by now, and only a browser may say so.
"use strict";

(() => {
  const button = document.getElementById("finish");
  const portal = window.BX24;
  if (!portal) return; // the portal's library did not load: the page says what to do
  const finish = () => portal.installFinish();
  button.hidden = false;
  button.addEventListener("click", finish);
  portal.init(finish);
})();
