"""The shop's page, as a browser gets it."""

from __future__ import annotations

from html import escape

from flask import Flask, Response, jsonify, request

from simulators.shop.ringing import Ring

_PAGE = """<!doctype html>
<html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Двери «Акме»</title><link rel="icon" href="data:,">
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 46rem; padding: 1.5rem; color: #222 }}
header {{ display: flex; justify-content: space-between; flex-wrap: wrap; gap: 1rem; border-bottom: 1px solid #ccc }}
.phone {{ font-size: 1.4rem; font-weight: 600 }} button {{ font: inherit; padding: .5rem 1rem }}
</style>
<script async src="{script}"></script></head>
<body>
<header><strong>Двери «Акме»</strong><a class="phone" href="tel:{link}">{number}</a></header>
<h1>{title}</h1>
<p>Звоните нам по телефону {number} каждый день с 9 до 21.</p>
<p><button id="ring" type="button">Позвонить с этой страницы</button> <span id="said" role="status"></span></p>
<p><button type="button" data-dozvon-callback>Перезвоните мне</button></p>
<p>Посмотрите на звонок в хабе: он придёт с меткой рекламы, по которой вы сюда зашли.</p>
<ul>
<li><a href="/?utm_source=yandex&amp;utm_medium=cpc&amp;utm_campaign=spring">как из рекламы в Яндексе</a></li>
<li><a href="/?utm_source=vk&amp;utm_medium=cpc&amp;utm_campaign=doors">как из рекламы ВКонтакте</a></li>
<li><a href="/doors">к дверям</a> · <a href="/delivery">к доставке</a></li>
</ul>
<script>
ring.onclick = async () => {{
  const shown = window.dozvon && dozvon.getNumber && dozvon.getNumber();
  const answer = await fetch("/ring", {{ method: "POST", headers: {{ "Content-Type": "application/json" }},
    body: JSON.stringify({{ number: shown ? shown.number : "{link}" }}) }});
  said.textContent = (await answer.json()).said;
}};
</script>
</body></html>
"""
_TITLES = {"": "Входные и межкомнатные двери", "doors": "Двери", "delivery": "Доставка"}


def shop_app(script: str, number: str, ring: Ring) -> Flask:
    """The site. `script` is the tracker's address, `number` the default number as people write it; `ring` plays a
    call to a number on the PBX's stand-in and says whether it did."""
    app = Flask("simulators.shop")
    link = "+" + "".join(character for character in number if character.isdigit())

    @app.get("/", defaults={"place": ""})
    @app.get("/<place>")
    def page(place: str) -> Response:
        title = _TITLES.get(place)
        if title is None:
            return Response("нет такой страницы", status=404, mimetype="text/plain")
        return Response(_PAGE.format(script=escape(script), number=escape(number), link=link, title=title))

    @app.post("/ring")
    def ring_up() -> Response:
        asked = request.get_json(silent=True)
        wanted = asked.get("number") if isinstance(asked, dict) else None
        rings = ring(str(wanted or link))
        return jsonify(said="Звоним…" if rings else "АТС не отвечает")

    return app
