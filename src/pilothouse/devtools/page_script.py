"""The script that tells, from inside a page, whether something is still about to change it. No DevTools here.

It runs before any script of the page, in every frame. It counts what has an end in sight: timers of at most
400 ms, frames asked for, finite animations and transitions, scrolling, fonts, pictures being decoded. It
leaves alone what has none: infinite animations, tickers, video. What a page sees of it is in docs/local.md.

Its one name lives in the page's global lexical scope, where only who knows it finds it. It answers, and never
speaks by itself. What it uses of the language it takes before the page can put something else in its place,
and it answers with small numbers and words of its own, whatever the page makes of the rest.
"""

from __future__ import annotations

SOON_MS = 400
"""A timer further off is not waited for."""
CHAIN_MS = 1200
"""A chain of timers, intervals or frame requests that is older than this is taken to go on for ever."""
LONGEST_MS = 3000
"""What has longer to run could not end before the cap: it is not waited for."""
STILL_SCROLL_MS = 50
"""Three frames without a scroll event: a smooth scroll moves in every one."""
WHEEL_MS = 70
"""A wheel event that scrolls anything does so by then."""
RESTLESS_MAX = 40

SCRIPT = r"""
const %(name)s = (() => {
  'use strict';
  const W = window, run = Reflect.apply, Later = Promise, {abs, max, round} = Math;
  const called = f => (self, ...args) => run(f, self, args);
  const each = called(Map.prototype.forEach), put = called(Map.prototype.set);
  const drop = called(Map.prototype.delete), asNumber = Number;
  const sizeOf = called(Object.getOwnPropertyDescriptor(Map.prototype, 'size').get);
  const select = called(Document.prototype.querySelectorAll), matches = called(RegExp.prototype.exec);
  const define = Object.defineProperty;
  const own = (list, i, value) => define(list, i, {
    __proto__: null, value, enumerable: true, configurable: true, writable: true});
  const boxOf = called(Element.prototype.getBoundingClientRect), then = called(Promise.prototype.then);
  let D = document;
  const now = (f => () => run(f, performance, []))(Performance.prototype.now);
  const {setTimeout: rawTimeout, requestAnimationFrame: rawFrame, queueMicrotask: micro} = W;
  const raw = {frame: f => run(rawFrame, W, [f]), later: (f, ms) => run(rawTimeout, W, [f, ms])};
  const animations = Document.prototype.getAnimations, focused = Document.prototype.hasFocus;
  const getter = name => Object.getOwnPropertyDescriptor(Document.prototype, name).get;
  const hiddenOf = getter('hidden'), readyOf = getter('readyState');
  const decode = HTMLImageElement.prototype.decode;
  const on = (where, kind, f) => where.addEventListener(kind, f, {capture: true, passive: true});

  // --- what the page has asked for: timers, frames, idle time -----------------------------------------
  let chain = null, dirty = 0, decoding = 0;
  const timers = new Map(), frames = new Map(), idles = new Map();
  const fresh = (c, t) => t - c.born < %(chain)d;
  const within = (c, f, self, args) => {
    const outer = chain;
    chain = c;
    // Given back only after the microtasks this callback leaves behind, so that `await sleep()` loops count.
    try { return run(f, self, args); } finally { micro(() => micro(() => micro(() => { chain = outer; }))); }
  };
  const wrapped = (name, table, delayed, repeats) => {
    if (!W[name]) return;
    W[name] = new Proxy(W[name], {apply(native, self, args) {
      const f = args[0], delay = delayed ? max(0, +args[1] || 0) : 0;
      if (delay > %(soon)d) return run(native, self, args);
      const t = now(), entry = {due: t + delay, repeats, chain: chain || {born: t}};
      let id;
      if (typeof f === 'function') {
        args[0] = function () {
          if (!repeats) drop(table, id);
          return within(entry.chain, f, this, arguments);
        };
      } else entry.text = true;
      id = run(native, self, args);
      put(table, id, entry);
      return id;
    }});
  };
  const unwrapped = (name, table) => {
    if (!W[name]) return;
    W[name] = new Proxy(W[name], {apply(native, self, args) {
      drop(table, args[0]);
      return run(native, self, args);
    }});
  };
  wrapped('setTimeout', timers, true, false);
  wrapped('setInterval', timers, true, true);
  wrapped('requestAnimationFrame', frames, false, false);
  wrapped('requestIdleCallback', idles, false, false);
  unwrapped('clearTimeout', timers);
  unwrapped('clearInterval', timers);
  unwrapped('cancelAnimationFrame', frames);
  unwrapped('cancelIdleCallback', idles);
  const waiting = (table, t) => {
    let found = false;
    each(table, (entry, id) => {
      if (found) return;
      if (entry.text && t > entry.due + 50) drop(table, id);
      else if (fresh(entry.chain, t)) found = true;
    });
    return found;
  };

  // --- what changes the page ---------------------------------------------------------------------------
  const changed = () => { if (!chain || fresh(chain, now())) dirty++; };
  const watcher = new MutationObserver(changed);
  for (const kind of ['input', 'focusin', 'focusout', 'click', 'toggle', 'transitionrun', 'animationstart'])
    on(W, kind, () => { dirty++; });
  let scrolled = -1e9, scrollBegan = 0, wheeled = -1e9;
  const scroll = () => {
    const t = now();
    if (t - scrolled > 200) scrollBegan = t;
    scrolled = t;
  };
  // A new window, or frame, keeps its global scope when its first page takes the place of the empty one.
  const bind = () => {
    D = W.document;
    watcher.disconnect();
    watcher.observe(D, {subtree: true, childList: true, attributes: true, characterData: true});
    on(D, 'scroll', scroll);
    dirty++;
  };
  bind();
  on(W, 'load', e => {
    const img = e.target;
    if (img instanceof HTMLImageElement && img.naturalWidth * img.naturalHeight > 1e5) {
      decoding++;
      then(run(decode, img, []), () => { decoding--; dirty++; }, () => { decoding--; });
    }
  });

  // --- input that has arrived --------------------------------------------------------------------------
  const taken = {key: 0, pointer: 0, wheel: 0};
  const modifiers = {__proto__: null, Shift: 1, Control: 1, Alt: 1, Meta: 1, AltGraph: 1};
  on(W, 'keyup', e => { if (e.isTrusted && !modifiers[e.key]) taken.key++; });
  on(W, 'pointerup', e => { if (e.isTrusted) taken.pointer++; });
  on(W, 'dragend', e => { if (e.isTrusted) taken.pointer++; });
  on(W, 'wheel', e => { if (e.isTrusted) { taken.wheel++; wheeled = now(); } });

  // --- the answers -------------------------------------------------------------------------------------
  const left = a => {
    const timing = a.effect.getComputedTiming();
    const end = a.playbackRate < 0 ? a.currentTime : timing.endTime - (a.currentTime || 0);
    return end / abs(a.playbackRate || 1);
  };
  const running = () => {
    const lasting = {__proto__: null}, all = run(animations, D, []);
    let brief = false, count = 0;
    for (let i = 0, a; i < 500 && (a = all[i]); i++) {
      if (!a.effect || a.timeline !== D.timeline || a.playState !== 'running') continue;
      if (left(a) <= %(longest)d) brief = true;
      else if (a.effect.target) lasting[count++] = a.effect.target;
    }
    return {brief, lasting, count};
  };
  const why = t => {
    if (run(readyOf, D, []) !== 'complete' && t < %(longest)d) return 'loading';
    if (waiting(timers, t)) return 'timer';
    if (waiting(frames, t) || waiting(idles, t)) return 'frame';
    if (t - scrolled < %(still)d && t - scrollBegan < %(longest)d) return 'scroll';
    if (t - wheeled < %(wheel)d && scrolled < wheeled) return 'wheel';
    if (decoding) return 'decode';
    if (D.fonts && D.fonts.status === 'loading' && t < %(longest)d) return 'font';
    return running().brief ? 'animation' : '';
  };
  // No array of the page's realm, and no iterator: a page may have put its own in their place.
  const restless = () => {
    const {lasting: found, count} = running();
    let n = count;
    const add = (list, wanted) => {
      for (let i = 0, e; n < %(restless)d && i < 1000 && (e = list[i]); i++) if (wanted(e)) found[n++] = e;
    };
    add(select(D, 'video'), v => !v.paused && !v.ended);
    add(D.images, i => matches(/\.gif([?#]|$)/i, i.currentSrc));
    if (sizeOf(frames)) add(select(D, 'canvas'), () => true);
    return found;
  };
  const small = x => (x = asNumber(x), x > -1e6 && x < 1e6 ? round(x) : 0);
  const rects = () => {
    const scale = W.devicePixelRatio || 1, pad = 24, found = restless(), areas = [];
    const x0 = W.screenX, y0 = W.screenY + W.outerHeight - W.innerHeight * scale;
    for (let i = 0, n = 0; i < %(restless)d && found[i]; i++) {
      const r = boxOf(found[i]);
      if (r.width && r.height) own(areas, n++, [
        small(x0 + r.left * scale - pad), small(y0 + r.top * scale - pad),
        small(x0 + r.right * scale + pad), small(y0 + r.bottom * scale + pad)]);
    }
    return areas;
  };
  const state = reason => ({
    why: reason, dirty, ...taken, focus: !!run(focused, D, []), rest: rects(),
    top: small(W.screenY + W.outerHeight - W.innerHeight * (W.devicePixelRatio || 1)),
  });
  const hidden = () => { if (W.document !== D) bind(); return run(hiddenOf, D, []); };
  const peek = () => hidden() ? state('hidden') : state(why(now()));
  // Two frames after the last change, what it changed has been handed on for drawing.
  const ask = ms => hidden() ? state('hidden') : new Later(resolve => {
    const until = now() + ms;
    let seen = dirty, calm = -1;
    const tick = () => {
      const reason = why(now());
      // What has just ended is drawn in this frame; what changed since the last one, too.
      if (reason) calm = -1; else calm = seen === dirty ? calm + 1 : 0;
      seen = dirty;
      if (calm > 0) resolve(state(''));
      else if (now() >= until) resolve(state(reason || 'changing'));
      else raw.frame(tick);
    };
    raw.frame(tick);
    raw.later(() => resolve(state('frozen')), ms + 150);
  });
  return {ask, peek};
})();
"""


def script(name: str) -> str:
    """Write the script under a name, which nobody should guess."""
    return SCRIPT % {
        "name": name,
        "soon": SOON_MS,
        "chain": CHAIN_MS,
        "longest": LONGEST_MS,
        "still": STILL_SCROLL_MS,
        "wheel": WHEEL_MS,
        "restless": RESTLESS_MAX,
    }
