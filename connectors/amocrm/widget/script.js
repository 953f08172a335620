/* Dozvon's widget for amoCRM and Kommo. Everything that it shows is asked of the hub, with the
   one-time token that the CRM adds to each request; nothing is kept in the browser. */
define(['jquery'], function () {
  'use strict';

  var HUB = '__HUB__';
  var SUPPORT = '__SUPPORT__';
  var ORIGIN = new URL(HUB).origin;
  var RINGING_EVERY_MS = 5000;
  var KEPT_WITHIN_MS = 15000;
  var READY_WITHIN_MS = 3000;
  var AREAS = { lcard: 'lead', ccard: 'contact', comcard: 'company' };

  return function () {
    var self = this;
    var shown = {};
    var timer = null;
    var ready = new Promise(function () {}); // the frame with the employees listens

    // --- The hub ---------------------------------------------------------------------------------

    function ask(path, method, body, done, failed) {
      var request = {
        url: HUB + '/amocrm/widget/' + path,
        method: method,
        dataType: 'json',
        success: done,
        error: function (answer) {
          var said = (answer && answer.responseJSON) || {};
          failed(said.reason || '', said.error || '');
        }
      };
      if (body !== null) {
        request.contentType = 'application/json';
        request.data = JSON.stringify(body);
      }
      self.$authorizedAjax(request);
    }

    function words(path) {
      return self.i18n(path) || path;
    }

    function complain(text) {
      APP.notifications.show_message_error({ header: words('widget.name'), text: text });
    }

    // --- What is shown: text is always set as text, never as HTML ----------------------------------

    function put(parent, tag, text, name) {
      var node = document.createElement(tag);
      if (name) { node.className = 'dozvon__' + name; }
      if (text) { node.textContent = text; }
      parent.appendChild(node);
      return node;
    }

    function place(parent, id) {
      var node = parent.querySelector('#' + id);
      if (!node) {
        node = put(parent, 'div', '', '');
        node.id = id;
      }
      node.className = 'dozvon';
      node.textContent = '';
      return node;
    }

    function away(node) {
      node.textContent = '';
      put(node, 'p', words('state.away') + ' ' + SUPPORT, 'bad');
    }

    // --- Click to call -----------------------------------------------------------------------------

    function call(params) {
      ask('call', 'POST', { phone: String(params.value || '') }, function () {
        APP.notifications.show_message({ header: words('call.title'), text: words('call.ordered') });
      }, function (reason) {
        var told = ['no_extension', 'agent_busy', 'bad_number', 'no_pbx'];
        complain(words('call.' + (told.indexOf(reason) < 0 ? 'failed' : reason)));
      });
    }

    // --- Incoming calls ----------------------------------------------------------------------------

    function look() {
      if (document.hidden) { return; }
      ask('ringing', 'GET', null, function (answer) {
        (answer.items || []).forEach(function (one) {
          if (shown[one.id]) { return; }
          shown[one.id] = true;
          notify(one);
        });
      }, function () { /* the next look is in a few seconds */ });
    }

    function notify(one) {
      APP.notifications.add_call({
        text: words('ringing.text') + ': ' + (one.name || words('ringing.unknown')),
        from: one.phone,
        to: one.line,
        date: one.started_at,
        element: one.card || undefined,
        click_link: one.card ? '/' + one.card.list + '/detail/' + one.card.id : undefined
      });
    }

    // --- The card of a lead, contact or company ----------------------------------------------------

    function currentCard() {
      var kind = AREAS[String(self.system().area || '').split('-')[0]];
      var card = (APP.data && APP.data.current_card) || {};
      return kind && card.id ? { kind: kind, id: String(card.id) } : null;
    }

    function showVisit() {
      var card = currentCard();
      if (!card) { return; }
      self.render_template({
        caption: { class_name: 'dozvon-caption', html: '' },
        body: '',
        render: '<div id="dozvon-visit" class="dozvon"></div>'
      });
      var node = document.getElementById('dozvon-visit');
      if (!node) { return; }
      put(node, 'p', words('state.loading'), 'soft');
      ask('visit?kind=' + card.kind + '&id=' + encodeURIComponent(card.id), 'GET', null, function (answer) {
        node.textContent = '';
        put(node, 'p', words('visit.title'), 'title');
        if (!answer.calls.length) { put(node, 'p', words('visit.none'), 'soft'); }
        answer.calls.forEach(function (one) { showCall(node, one); });
      }, function () { away(node); });
    }

    function showCall(parent, one) {
      var node = put(parent, 'div', '', 'call');
      var length = one.answered ? one.talk_seconds + ' ' + words('visit.seconds') : words('visit.missed');
      var direction = one.direction === 'outbound' ? words('visit.outbound') : words('visit.inbound');
      put(node, 'p', direction + ', ' + one.at + ', ' + length, 'line');
      put(node, 'p', words('visit.source') + ': ' + (one.source || words('visit.direct')), 'line');
      if (!one.visit) { return; }
      if (one.visit.landing) { put(node, 'p', words('visit.landing') + ': ' + one.visit.landing, 'soft'); }
      if (one.visit.referrer) { put(node, 'p', words('visit.referrer') + ': ' + one.visit.referrer, 'soft'); }
      if (one.visit.pages.length) {
        put(node, 'p', words('visit.pages') + ':', 'line');
        var list = put(node, 'ul', '', 'pages');
        one.visit.pages.forEach(function (page) { put(list, 'li', page.title || page.url, ''); });
      }
    }

    // --- Settings ----------------------------------------------------------------------------------

    function showSettings(parent) {
      var consent = place(parent, 'dozvon-consent');
      var label = put(consent, 'label', '', 'line');
      var box = put(label, 'input', '', '');
      box.type = 'checkbox';
      box.id = 'dozvon-agreed';
      box.checked = self.get_install_status && self.get_install_status() === 'installed';
      put(label, 'span', ' ' + words('settings.consent'), '');
      var node = place(parent, 'dozvon-state');
      put(node, 'p', words('state.loading'), 'soft');
      ask('state', 'GET', null, function (answer) {
        node.textContent = '';
        showState(node, answer);
        if (answer.state !== 'unclaimed') { showPeople(parent); }
      }, function (reason, text) {
        away(node);
        if (text) { put(node, 'p', text, 'bad'); }
      });
    }

    function showState(node, answer) {
      put(node, 'p', words('state.' + answer.state), answer.state === 'active' ? 'line' : 'bad');
      if (answer.reason) { put(node, 'p', answer.reason, 'bad'); }
      if (answer.mend) { put(node, 'p', answer.mend, 'soft'); }
      if (answer.state === 'unclaimed') {
        var button = put(node, 'button', words('state.claim'), 'claim');
        button.type = 'button';
        button.addEventListener('click', function () {
          ask('claim', 'POST', {}, function (given) { window.open(given.url, '_blank'); }, function (reason, text) {
            complain(text || words('state.away'));
          });
        });
      }
    }

    // The table of employees is the hub's own page. The frame gets its ticket by a post, so no address ever holds it.
    function showPeople(parent) {
      var node = place(parent, 'dozvon-people');
      ask('people', 'POST', { language: words('settings.language') }, function (given) {
        var page = document.createElement('iframe');
        page.name = 'dozvon-people-frame';
        page.title = words('settings.employees');
        page.className = 'dozvon__frame';
        node.appendChild(page);
        ready = new Promise(function (resolve) {
          window.addEventListener('message', function hear(event) {
            if (event.origin !== ORIGIN || event.source !== page.contentWindow || !event.data) { return; }
            if (event.data.dozvon !== 'ready') { return; }
            window.removeEventListener('message', hear);
            resolve(true);
          });
        });
        var form = put(document.body, 'form', '', '');
        form.method = 'post';
        form.action = HUB + '/amocrm/people';
        form.target = page.name;
        var ticket = put(form, 'input', '', '');
        ticket.type = 'hidden';
        ticket.name = 'ticket';
        ticket.value = given.ticket;
        form.submit();
        document.body.removeChild(form);
      }, function (reason, text) {
        away(node);
        if (text) { put(node, 'p', text, 'bad'); }
      });
    }

    // "Save" of the CRM's own window keeps what was typed in the frame, too. A frame that does not listen, because the
    // hub is away, holds nothing that could be lost.
    function keepPeople() {
      var page = document.querySelector('#dozvon-people iframe');
      if (!page) { return Promise.resolve(true); }
      var late = new Promise(function (resolve) { window.setTimeout(resolve, READY_WITHIN_MS, false); });
      return Promise.race([ready, late]).then(function (isReady) { return isReady ? tellToKeep(page) : true; });
    }

    // The frame says whether it could.
    function tellToKeep(page) {
      return new Promise(function (resolve, reject) {
        function end(fault) {
          window.clearTimeout(late);
          window.removeEventListener('message', hear);
          if (!fault) { resolve(true); return; }
          complain(fault);
          reject(new Error('not kept'));
        }
        function hear(event) {
          if (event.origin !== ORIGIN || event.source !== page.contentWindow) { return; }
          if (!event.data || event.data.dozvon !== 'kept') { return; }
          end(event.data.done === true ? '' : words('settings.not_kept'));
        }
        var late = window.setTimeout(function () { end(words('state.away') + ' ' + SUPPORT); }, KEPT_WITHIN_MS);
        window.addEventListener('message', hear);
        page.contentWindow.postMessage({ dozvon: 'keep' }, ORIGIN);
      });
    }

    function save() {
      var agreed = document.getElementById('dozvon-agreed');
      if (agreed && !agreed.checked) {
        complain(words('settings.consent_needed'));
        return false;
      }
      return keepPeople();
    }

    // --- What the CRM calls ------------------------------------------------------------------------

    this.callbacks = {
      render: function () {
        showVisit();
        return true;
      },
      init: function () {
        self.add_action('phone', call);
        if (timer === null) { timer = window.setInterval(look, RINGING_EVERY_MS); }
        look();
        return true;
      },
      bind_actions: function () { return true; },
      settings: function ($modal) {
        showSettings(($modal && $modal[0]) || document.body);
        return true;
      },
      advancedSettings: function () {
        var area = document.getElementById('work-area-' + self.get_settings().widget_code) || document.body;
        showSettings(area);
        return true;
      },
      onInstall: function () { return true; },
      onSave: function (data) {
        return data && data.active === 'N' ? true : save();
      },
      destroy: function () {
        window.clearInterval(timer);
        timer = null;
        return true;
      }
    };
    return this;
  };
});
