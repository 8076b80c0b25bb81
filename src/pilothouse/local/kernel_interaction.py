"""The script that tells of clicks, keys and scrolling in a page, from its own world. Nothing here runs it.

Pages neither see it nor can call what it calls. What is typed into a password or payment field is not told.
"""

from __future__ import annotations

WORLD = "pilothouse"
BINDING = "__pilothouse_tell"
SCROLL_SETTLED_MS = 300

SCRIPT = """(() => {
  const tell = (type, data) => globalThis.BINDING && BINDING(JSON.stringify({type, data}));
  const isElement = one => one instanceof Element;
  const isSecret = one => isElement(one) && (one.type === 'password' ||
    /^(cc-|current-password|new-password|one-time-code)/.test(one.getAttribute('autocomplete') || ''));
  const selector = one => {
    const parts = [];
    for (; isElement(one) && parts.length < 5; one = one.parentElement) {
      if (one.id) { parts.unshift('#' + CSS.escape(one.id)); break; }
      const tag = one.localName;
      const twins = one.parentElement ? [...one.parentElement.children].filter(c => c.localName === tag) : [];
      parts.unshift(twins.length > 1 ? `${tag}:nth-of-type(${twins.indexOf(one) + 1})` : tag);
    }
    return parts.join(' > ');
  };
  const about = one => isElement(one) ? {tag: one.localName, selector: selector(one)} : {};
  const options = {capture: true, passive: true};
  addEventListener('click', event => {
    if (!event.isTrusted) return;
    const [target] = event.composedPath();
    const words = isElement(target) && !isSecret(target) ? target.textContent || '' : '';
    const x = Math.round(event.clientX), y = Math.round(event.clientY);
    tell('interaction_click', {x, y, text: words.trim().slice(0, 100), ...about(target)});
  }, options);
  addEventListener('keydown', event => {
    if (!event.isTrusted) return;
    const [target] = event.composedPath();
    tell('interaction_key', {...(isSecret(target) ? {} : {key: event.key}), ...about(target)});
  }, options);
  const settled = new WeakMap(), timers = new WeakMap();
  const at = one => one === document ? {x: scrollX, y: scrollY} : {x: one.scrollLeft, y: one.scrollTop};
  addEventListener('scroll', event => {
    const target = event.target;
    clearTimeout(timers.get(target));
    timers.set(target, setTimeout(() => {
      const from = settled.get(target) || {x: 0, y: 0}, to = at(target);
      settled.set(target, to);
      tell('interaction_scroll_settled', {
        from_x: Math.round(from.x), from_y: Math.round(from.y),
        to_x: Math.round(to.x), to_y: Math.round(to.y),
        target_selector: target === document ? 'document' : selector(target),
      });
    }, SETTLED_MS));
  }, options);
})()""".replace("BINDING", BINDING).replace("SETTLED_MS", str(SCROLL_SETTLED_MS))
