"""A small page of an account that hosts the widget as amocrm.md §6.3 says: AMD, callbacks, `$authorizedAjax`, `APP`."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_PAGE = """<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>account</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/widget/style.css"></head>
<body><div id="panel"></div><div id="modal"></div><script>
const asked = new URLSearchParams(location.search);
const seen = {notices: [], calls: [], errors: [], actions: {}, opened: [], order: []};
window.open = (url) => { seen.opened.push(url); };
window.APP = {
  data: {current_card: {id: Number(asked.get('id') || 0)}},
  constant: (name) => name === 'user' ? {id: Number(asked.get('user'))} : {subdomain: 'demo'},
  notifications: {
    add_call: (call) => seen.calls.push(call),
    show_message: (message) => seen.notices.push(message.text),
    show_message_error: (message) => seen.errors.push(message.text),
  },
};
function Widget() {
  this.langs = LANGUAGE;
  this.add_action = (name, act) => { seen.actions[name] = act; };
  this.i18n = (path) => path.split('.').reduce((inner, name) => inner && inner[name], this.langs);
  this.system = () => ({area: asked.get('area') || 'everywhere', amouser_id: asked.get('user'), subdomain: 'demo'});
  this.get_settings = () => ({widget_code: 'dozvon'});
  this.get_install_status = () => asked.get('status') || 'install';
  this.render_template = (parts) => { document.getElementById('panel').innerHTML = parts.render; };
  this.$authorizedAjax = async (options) => {
    const token = await (await fetch('/token?user=' + asked.get('user'))).text();
    const headers = {'X-Auth-Token': token};
    if (options.contentType) { headers['Content-Type'] = options.contentType; }
    let answer, document_ = null;
    try {
      answer = await fetch(options.url, {method: options.method, headers, body: options.data});
      document_ = await answer.json();
    } catch (error) { options.error({status: 0}); return; }
    if (answer.ok) { options.success(document_); } else {
      options.error({status: answer.status, responseJSON: document_});
    }
  };
}
let module_;
window.define = (needs, make) => { module_ = make(...needs.map(() => function jquery() {})); };
</script><script src="/widget/script.js"></script><script>
const globals = Object.keys(window).length;
const widget = (() => { const made = Object.create(new Widget()); return module_.call(made) || made; })();
seen.returned = ['render', 'init', 'bind_actions'].map((name) => widget.callbacks[name]());
seen.leaked = Object.keys(window).length - globals;
document.documentElement.dataset.ready = 'yes';
</script></body></html>"""


@contextmanager
def host_page(archive: bytes, token_for: Callable[[int], str], language: str = "ru") -> Iterator[str]:
    """The page's address; `?user=504&area=lcard&id=7700` says who looks at what."""
    files = zipfile.ZipFile(io.BytesIO(archive))
    words = files.read(f"i18n/{language}.json").decode()
    page = _PAGE.replace("LANGUAGE", json.dumps(json.loads(words)))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/token":
                self._say(token_for(int(parse_qs(parts.query)["user"][0])).encode(), "text/plain")
            elif parts.path.startswith("/widget/"):
                name = parts.path.removeprefix("/widget/")
                self._say(files.read(name), "text/css" if name.endswith("css") else "text/javascript")
            else:
                self._say(page.encode(), "text/html; charset=utf-8")

        def _say(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
