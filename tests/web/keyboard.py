"""What a person who has only a keyboard meets on a page: where Tab stops, whether that is seen, and in which order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from playwright.sync_api import Page

WATCH = """
(() => {
  const stops = [], clicked = new Set(), looks = new Map();
  const places = 'a[href], button, input, select, textarea, summary, audio[controls], [tabindex], [contenteditable]';
  const name = (one) => one.outerHTML.replace(/\\s+/g, ' ').slice(0, 120);
  function outline(one) {
    const is = getComputedStyle(one);
    return [is.outlineStyle, is.outlineWidth, is.outlineColor].join(' ');
  }
  const isShown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;

  // Tab goes to one button of a group: to that which is chosen, or else to the first.
  function isTheOne(one) {
    if (one.type !== 'radio') return true;
    const group = [...document.getElementsByName(one.name)].filter((other) => other.form === one.form);
    return one === (group.find((other) => other.checked) || group[0]);
  }

  function expected() {
    return [...document.querySelectorAll(places)].filter((one) =>
      !one.disabled && one.type !== 'hidden' && one.tabIndex >= 0 && isShown(one) && isTheOne(one));
  }

  function isOnTop(one) {
    const rect = one.getClientRects()[0], top = Math.max(rect.top, 0), bottom = Math.min(rect.bottom, innerHeight);
    return [0.1, 0.5, 0.9].some((part) => {
      const seen = document.elementFromPoint(rect.left + rect.width * part, (top + bottom) / 2);
      return seen && (one.contains(seen) || (seen.tagName === 'LABEL' && seen.contains(one)));
    });
  }

  function faultsOf(one) {
    if (!isShown(one)) return ['not shown'];
    const found = [], rect = one.getBoundingClientRect(), is = getComputedStyle(one);
    const seen = Math.min(rect.bottom, innerHeight) - Math.max(rect.top, 0);
    const wanted = one.tagName === 'TEXTAREA' ? Math.min(rect.height, 40) : Math.min(rect.height, innerHeight);
    if (rect.left < -1 || rect.right > document.documentElement.clientWidth + 1) found.push('cut off at a side');
    if (seen < wanted - 1) found.push('out of the window');
    else if (!isOnTop(one)) found.push('covered');
    if (is.outlineStyle === 'none' || parseFloat(is.outlineWidth) < 2) found.push('no outline');
    else if (looks.get(one) === outline(one)) found.push('looks as it does without the focus');
    return found;
  }

  function note() {
    const one = document.activeElement;
    if (one === document.body) { stops.push({ name: 'body' }); return; }
    const rect = one.getBoundingClientRect();
    stops.push({ one, name: name(one), faults: faultsOf(one), top: rect.top + scrollY, bottom: rect.bottom + scrollY });
  }

  function clickable() {
    const everything = [...document.querySelectorAll('body *')];
    const pointed = everything.filter((one) => getComputedStyle(one).cursor === 'pointer');
    return [...pointed, ...clicked].filter((one) =>
      one.isConnected && isShown(one) && getComputedStyle(one).pointerEvents !== 'none');
  }

  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (kind, ...rest) {
    if (kind === 'click' && this instanceof Element) clicked.add(this);
    return listen.call(this, kind, ...rest);
  };
  // Before the focus goes on: by then whatever had to be scrolled has been scrolled.
  listen.call(window, 'keydown', (event) => { if (event.key === 'Tab') note(); }, true);

  // One stop for a date field, although Tab goes through its parts one by one.
  const whole = () => stops.filter((stop, index) => index === 0 || stop.one !== stops[index - 1].one);
  // What a chart tells where the mouse stands is in the table below it, too.
  const controls = 'a[href], button, summary, label, select, input, option, [tabindex="0"], .u-wrap';
  window.keyboard = {
    // The focus goes to one end of the page; returns how many stops there are.
    begin(isForth) {
      const all = expected();
      document.activeElement.blur();
      for (const one of all) looks.set(one, outline(one));
      stops.length = 0;
      all.at(isForth ? 0 : -1).focus({ focusVisible: true });
      return all.length;
    },
    here() {
      const one = document.activeElement, rect = one.getBoundingClientRect();
      return { name: name(one), faults: faultsOf(one), top: rect.top + scrollY, bottom: rect.bottom + scrollY };
    },
    isRound: () => whole().length > 1 && [document.body, stops[0].one].includes(document.activeElement),
    stops: () => whole().map(({ one, ...rest }) => rest),
    expected: () => expected().map(name),
    mouseOnly: () => clickable().filter((one) => !one.closest(controls)).map(name),
  };
})();
"""
"""Goes into every page before its own scripts (`add_init_script`)."""
MOST_STOPS = 1000
"""More presses than any page of the tests needs: a page that swallows so many keeps the focus for itself."""
MOST_STEPS = 80
"""From any place of a page of the first steps to any other."""
_TAB: dict[str, Any] = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
_SHIFT = 8
"""Playwright's own press waits twice as long, and all pages together have thousands of stops."""


class Hands:
    """A person at `page` who has a keyboard and no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def stands_at(self, css: str) -> bool:
        return bool(self.page.evaluate("(css) => document.activeElement.matches(css)", css))

    def tab_to(self, css: str, text: str = "", key: str = "Tab") -> None:
        """On to the next place that fits; all that is passed must be seen, and from top to bottom."""
        wanted = self.page.locator(css).filter(has_text=text).first
        wanted.wait_for()
        passed: list[str] = []
        before = None
        for _ in range(MOST_STEPS):
            self.press(key)
            if self.page.evaluate(
                "document.activeElement === document.body || document.activeElement.matches('.skip')"
            ):
                before = None
                continue
            here = self.page.evaluate("keyboard.here()")
            assert here["faults"] == [], here
            assert key != "Tab" or before is None or here["bottom"] > before["top"], (before, here)
            passed.append(here["name"])
            before = here
            if self.page.evaluate("([css, text]) => document.activeElement.matches(css) && "
                                  "document.activeElement.textContent.includes(text)", [css, text]):  # fmt: skip
                return
        raise AssertionError(f"{key} does not reach {css} {text!r} on {self.page.url}, only {passed}")

    def enter(self, css: str, text: str = "") -> None:
        """On to a link or a button, and through it."""
        self.tab_to(css, text)
        self.press("Enter")


def walk(page: Page, is_forth: bool) -> list[dict[str, Any]]:
    """Tab (or Shift+Tab) from one end of the page to the other; returns every stop with its `name`, `faults` and place.

    Raises AssertionError when the key never leads out of the page.
    """
    count = page.evaluate("(isForth) => keyboard.begin(isForth)", is_forth)
    browser = page.context.new_cdp_session(page)
    for presses in range(1, MOST_STOPS):
        browser.send("Input.dispatchKeyEvent", _TAB if is_forth else _TAB | {"modifiers": _SHIFT})
        if presses >= count and page.evaluate("keyboard.isRound()"):
            browser.detach()
            return list(page.evaluate("keyboard.stops()"))
    raise AssertionError(f"Tab never leads out of {page.url}")


def faults_of_page(page: Page) -> list[object]:
    """All that a person without a mouse would trip over, forth and back, with everything opened that opens."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    forth, back = walk(page, is_forth=True), walk(page, is_forth=False)
    wanted = page.evaluate("keyboard.expected()")
    faults: list[object] = [(stop["faults"], stop["name"]) for stop in (*forth, *back) if stop["faults"]]
    for seen, way in ((forth, "forth"), (back[::-1], "back")):
        names = [stop["name"] for stop in seen]
        faults += [("other stops than the page has", way, set(names) ^ set(wanted), names)] if names != wanted else []
    faults += [("goes up", two["name"]) for one, two in pairwise(forth[1:]) if two["bottom"] <= one["top"] + 1]
    return [*faults, *(("the mouse alone reaches", name) for name in page.evaluate("keyboard.mouseOnly()"))]
