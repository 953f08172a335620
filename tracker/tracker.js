// The tracker of Dozvon: shows each visitor a telephone number of their own, and gives it back. tracker/README.md says how.
// It touches text and addresses of links only, waits for nobody, and keeps its troubles to itself.
(() => { try {
  "use strict";
  const site = "SITE";
  const script = document.currentScript;
  const queue = window.dozvon;
  if (!script || (queue && queue.getNumber)) return;
  const hub = script.src.replace(/\.js(\?.*)?$/, "");
  const shownTexts = new Map();
  const listeners = {};
  const tab = {};
  let now = null, pageAddress = location.href, active = Date.now(), agreed = !site.ask, timer, toHtml, told = "", params = {}, first;

  const quietly = (work) => (...given) => {
    try { const done = work(...given); if (done && done.catch) done.catch(() => 0); return done; } catch { return undefined; }
  };
  const keep = quietly((value) => value === undefined ? JSON.parse(localStorage.dozvon || "{}") : void (localStorage.dozvon = JSON.stringify(value)));
  const recall = () => agreed && keep() || {};
  const later = (work, ms) => setTimeout(quietly(work), ms);
  const emit = (name, detail) => {
    for (const listener of listeners[name] || []) quietly(listener)(detail);
    document.dispatchEvent(new CustomEvent("dozvon:" + name, { detail }));
  };

  // --- The number on the page

  const gap = "[\\s().\\u2010-\\u2015-]{0,4}";
  const spelled = [...site.national].join(gap);
  const prefix = "(?:(?:\\+|00)?" + site.code + (site.trunk ? "|" + site.trunk : "") + ")?" + gap;
  const pattern = site.national && new RegExp("(?<![\\d+])\\(?" + prefix + spelled + "(?!\\d)", "g");

  const rewritten = (found, number, text) => {
    if (site.format && text) return text;
    const full = number.slice(1), national = full.slice(site.code.length);
    if (!full.startsWith(site.code) || national.length !== site.national.length) return text || number;
    let place = found.replace(/\D/g, "").length - national.length;
    return found.replace(/\d/g, (digit) => place-- > 0 ? digit : national[-place - 1]);
  };

  const replaced = (original, link) => {
    const target = now || (told && site.after ? { number: site.after, text: site.afterText } : null);
    if (!target) return original;
    return original.replace(pattern, (found) => link ? rewritten(found, target.number, "") : rewritten(found, target.number, target.text));
  };

  const put = (node, value) => { if (node.nodeValue !== value) node.nodeValue = value; };
  const visit = (node, link) => {
    let kept = shownTexts.get(node);
    if (!kept || node.nodeValue !== kept.shown) {
      if (!/\d/.test(node.nodeValue) || node.nodeValue.length > 5000 || node.nodeValue.search(pattern) < 0) return void shownTexts.delete(node);
      shownTexts.set(node, kept = { original: node.nodeValue, link });
    }
    put(node, kept.shown = replaced(kept.original, link));
  };

  const skipped = "script,style,textarea,noscript,[contenteditable],[data-dozvon-skip]";
  const special = "[data-dozvon]" + (site.places && "," + site.places);

  // A number that stands in several pieces: each piece of text gets its own digits, no element is touched.
  const joined = (element) => {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    const originals = nodes.map((node) => {
      const kept = shownTexts.get(node);
      return kept && node.nodeValue === kept.shown ? kept.original : node.nodeValue;
    });
    const result = replaced(originals.join(""));
    let start = 0;
    nodes.forEach((node, place) => {
      const original = originals[place], end = nodes[place + 1] ? start + original.length : result.length;
      const shown = result.slice(start, start = end);
      shown === original ? shownTexts.delete(node) : shownTexts.set(node, { original, shown });
      put(node, shown);
    });
  };

  // The only place where markup is written: an element that says so, with the page's own function.
  const html = (element) => {
    const made = now && toHtml ? quietly(toHtml)(now.text, now.number) : element.dozvonWas;
    if (made === undefined || element.dozvonIs === made) return;
    element.dozvonWas ??= element.innerHTML;
    element.innerHTML = element.dozvonIs = made;
  };

  const sweep = (root) => {
    if (!pattern || !root) return;
    if (root.nodeType === 3) {
      const parent = root.parentElement;
      if (parent && !parent.closest(skipped)) parent.closest(special) ? joined(parent.closest(special)) : visit(root);
      return;
    }
    if (root.nodeType !== 1 && root.nodeType !== 9 || root.closest && root.closest(skipped)) return;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT,
      (node) => node.nodeType === 1 && node.matches(skipped) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    for (let node = root; node; node = walker.nextNode()) {
      if (node.nodeType === 3) visit(node);
      else if (node.nodeType === 1) {
        if (/^tel:/i.test(node.getAttribute("href"))) visit(node.getAttributeNode("href"), 1);
        if (node.matches("[data-dozvon-html]")) html(node);
        else if (node.matches(special)) joined(node);
      }
    }
  };

  const prune = () => {
    for (const node of shownTexts.keys()) if (!(node.ownerElement || node).isConnected) shownTexts.delete(node);
  };

  const show = (number, text, seconds) => {
    const before = now;
    now = number ? { number, text, until: Date.now() + seconds * 1000 } : null;
    if ((before && before.number) === (now && now.number)) return;
    if (before && !now) told = "1";
    sweep(document);
    if (now) emit(before ? "changed" : "given", { number, text });
    else emit("taken", { number: before.number, text: before.text });
  };

  // --- What is said to the hub

  const send = async (what, said) => {
    try {
      const answer = await fetch(hub + "/" + what, { method: "POST", body: JSON.stringify(said), credentials: "include", keepalive: true });
      return answer.status === 200 ? await answer.json() : null;
    } catch { return null; }
  };
  const cookie = (name) => ("; " + document.cookie).split("; " + name + "=")[1]?.split(";")[0];
  const clientIds = () => {
    const session = document.cookie.match(/(?:^|; )_ga_[^=]+=GS\d\.\d\.([^;]+)/);
    const started = session && (session[1].match(/(?:^|\$)s(\d+)/) || session[1].match(/^(\d+)/));
    return {
      ga: cookie("_ga")?.split(".").slice(-2).join("."), ga_session: started && started[1],
      ym_uid: cookie("_ym_uid"), fbp: cookie("_fbp"), fbc: cookie("_fbc"), roistat: cookie("roistat_visit"),
    };
  };

  const beatMs = Math.max(5, Math.min(30, site.idle / 3)) * 1000;
  const schedule = (ms) => {
    clearTimeout(timer);
    const ends = Math.min(active + site.idle * 1000, now ? now.until : Infinity) - Date.now();
    if (tab.v && !tab.fixed) timer = later(tick, Math.max(200, Math.min(ms, now ? ends + 50 : ms)));
  };
  const tellTabs = (message) => channel?.postMessage({ v: tab.v, n: now?.number, t: now?.text, e: now?.until, a: active, ...message });

  const accept = (answer) => {
    if (answer) {
      tab.v = answer.visit;
      tab.fixed = answer.number && !answer.seconds;
      if (answer.number) show(answer.number, answer.text, answer.seconds || 1e9);
      if (agreed && tab.v) keep({ u: answer.own ? undefined : answer.visitor, v: tab.v, at: Date.now(), n: tab.fixed ? "" : now?.number, t: now?.text, e: now?.until });
      if (answer.wait) return void later(beat, answer.wait * 1000);
      if (!tab.fixed) tellTabs();
    }
    schedule(answer ? beatMs : beatMs * 2);
  };

  const arrive = quietly(async () => {
    const kept = recall(), fresh = Date.now() - kept.at < 18e5;
    const said = { url: location.href, ref: document.referrer, title: document.title, c: agreed ? 1 : 0 };
    if (agreed) Object.assign(said, { u: kept.u, v: tab.v || fresh && kept.v, had: now?.number || kept.n, ids: clientIds() });
    accept(await send("visit", said));
  });

  const seen = () => {
    let texts = 0, links = 0;
    for (const kept of shownTexts.values()) kept.link ? links++ : texts++;
    const counted = texts + "," + links;
    if (!now || counted === tab.counted) return undefined;
    tab.counted = counted;
    return { url: location.href, texts, links };
  };

  const beat = quietly(async () => {
    if (!tab.v) return arrive();
    const mine = params;
    params = {};
    const answer = await send("beat", { v: tab.v, had: now?.number || recall().n, seen: seen(), p: mine, ids: clientIds() });
    if (answer && !answer.visit) { tab.v = ""; return arrive(); }
    if (!answer) params = { ...mine, ...params };
    accept(answer);
  });

  const asleep = () => Date.now() - active >= site.idle * 1000;
  const over = () => now && Date.now() >= now.until;
  const tick = () => {
    prune();
    followAddress();
    if (asleep() && now) bye();
    if (asleep() || over()) show(null);
    if (asleep()) return;
    if (document.visibilityState === "visible") return beat();
    schedule(beatMs);
  };

  const bye = quietly(() => { if (tab.v && now && !tab.fixed) navigator.sendBeacon(hub + "/bye", JSON.stringify({ v: tab.v })); });
  const wake = () => {
    const begun = first;
    if (begun) { first = null; begun(); }
    const slept = asleep() || over();
    active = Date.now();
    if (over()) show(null);
    if (slept && tab.v && !tab.fixed) beat();
  };
  const followAddress = () => {
    if (location.href === pageAddress) return;
    pageAddress = location.href;
    if (tab.v) send("pages", { v: tab.v, pages: [{ url: pageAddress, title: document.title }] });
  };

  // --- Tabs of one visitor

  const channel = quietly(() => new BroadcastChannel("dozvon"))();
  if (channel) channel.onmessage = quietly(({ data }) => {
    if (!agreed || tab.fixed) return;
    if (data.ask) return now && tellTabs();
    if (!data.v || tab.v && tab.v !== data.v) return;
    tab.v = data.v;
    active = Math.max(active, data.a);
    if (data.n && data.e > Date.now()) show(data.n, data.t, (data.e - Date.now()) / 1000);
    schedule(beatMs);
  });

  // --- What the page may ask for

  const api = {
    on(name, listener) { (listeners[name] = listeners[name] || []).push(listener); if (name === "given" && now) quietly(listener)({ number: now.number, text: now.text }); },
    getNumber: () => now && { number: now.number, text: now.text },
    format(make) { toHtml = make; sweep(document); },
    set(name, value) { params[name] = value; if (tab.v) beat(); },
    report(fields) { const { form, ...rest } = fields || {}; if (tab.v) send("report", { v: tab.v, form, fields: rest }); },
    consent(given) { if (given && !agreed) { agreed = true; tab.v = ""; arrive(); } else if (!given && agreed) { bye(); agreed = false; tab.v = ""; try { delete localStorage.dozvon; } catch { /* no storage, nothing to forget */ } show(null); } },
    push: quietly((call) => api[call[0]](...call.slice(1))),
  };
  for (const name in api) api[name] = quietly(api[name]);
  window.dozvon = api;
  for (const call of Array.isArray(queue) ? queue : []) api.push(call);

  // --- "Call me back": the page's own buttons open it, and nothing else does

  const make = (tag, given, ...inside) => { const element = Object.assign(document.createElement(tag), given); element.append(...inside); return element; };
  const callMe = quietly(async (button) => {
    if (document.querySelector("dialog[open]")) return;
    const headers = { "Accept-Language": document.documentElement.lang || navigator.language }, status = make("p", { ariaLive: "polite" });
    let words = {};
    const talk = async (what, said) => {
      const sent = fetch(hub + "/callback" + what, { method: "POST", body: JSON.stringify(said), credentials: "include", headers });
      const answer = await sent.then((got) => got.json()).catch(() => ({}));
      status.textContent = answer.words || answer.detail || words.failed; return answer;
    };
    words = await talk("/form", {});
    if (!words.title) return void (button.href && (location = button.href));
    status.textContent = ""; const given = Date.now();
    const field = (label, given) => make("p", {}, make("label", {}, label + " ", make("input", given)));
    const policy = button.dataset.dozvonPolicy, go = make("button", {}, words.title);
    const agree = make("input", { name: "consent", type: "checkbox", required: true, value: words.agree });
    const form = make("form", {}, make("h2", {}, words.title),
      field(words.phone, { name: "phone", type: "tel", autocomplete: "tel", required: true }), field(words.name, { name: "name", autocomplete: "name" }),
      field(words.when, { name: "when", type: "datetime-local" }), make("input", { name: "url", hidden: true }),
      make("p", {}, make("label", {}, agree, " ", policy ? make("a", { href: policy, target: "_blank" }, words.agree) : words.agree)),
      status, go, " ", make("button", { type: "button", onclick: () => box.close() }, words.close));
    const box = make("dialog", { ariaLabel: words.title, onclose: () => box.remove() }, form);
    form.onsubmit = quietly(async (event) => {
      event.preventDefault(); const said = Object.fromEntries(new FormData(form)), zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      if (said.when) said.when = new Date(said.when).toISOString();
      go.disabled = true; await new Promise((on) => setTimeout(on, given + 1200 - Date.now())); // no sooner than anybody can fill it in
      let answer = await talk("", { ...said, ticket: words.ticket, visit: tab.v, page: location.href, referrer: document.referrer, zone }); go.disabled = !!answer.id;
      const follow = quietly(async () => { if (box.isConnected && /^[rst]/.test((answer = await talk("/state", { id: answer.id })).status)) later(follow, 2000); });
      if (answer.id) { emit("callback", answer); later(follow, 2000); }
    });
    document.body.append(box); box.showModal();
  });
  document.addEventListener("click", quietly((event) => { const button = event.target.closest("[data-dozvon-callback]"); if (button) { event.preventDefault(); callMe(button); } }));

  const begin = quietly(() => {
    const kept = recall();
    if (kept.n && kept.e > Date.now()) { tab.v = kept.v; show(kept.n, kept.t, (kept.e - Date.now()) / 1000); }
    new MutationObserver(quietly((changes) => {
      followAddress();
      if (!now && !told) return;
      for (const change of changes) {
        if (change.type === "childList") change.addedNodes.forEach((node) => sweep(node));
        else sweep(change.target);
      }
    })).observe(document, { childList: true, characterData: true, subtree: true, attributes: true, attributeFilter: ["href"] });
    for (const name of ["pointerdown", "pointermove", "keydown", "scroll", "touchstart"]) addEventListener(name, quietly(wake), { passive: true, capture: true });
    addEventListener("pagehide", bye);
    addEventListener("pageshow", quietly((event) => { if (event.persisted && tab.v) beat(); }));
    addEventListener("popstate", quietly(followAddress));
    document.addEventListener("visibilitychange", quietly(() => { if (document.visibilityState === "visible") wake(); }));
    // Where bots that do nothing are to get no number: nobody is asked before the first move.
    const ask = () => {
      if (kept.v || !channel || !agreed) return void arrive();
      tellTabs({ ask: 1 });
      later(arrive, 30);
    };
    if (site.move && !kept.v) first = ask; else ask();
  });
  begin();
} catch { /* an old browser: the page stays as it was */ } })();
