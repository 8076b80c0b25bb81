"""A page for each way to be late, with a button as large as the page; each tells when it is done."""

from __future__ import annotations

HEAD = """<!doctype html><title>Lab</title><link rel=icon href="data:,"><style>
body{margin:0;height:4000px;caret-color:transparent}
#go{position:fixed;inset:0;border:0;background:none;font:16px sans-serif}
#box{transition:margin-left .25s;width:80px;height:80px;background:#36c}
.spin{position:fixed;right:40px;top:40px;width:40px;height:40px;border:5px solid #ddd;border-top-color:#36c;
 border-radius:50%;animation:turn .8s linear infinite}@keyframes turn{to{transform:rotate(360deg)}}</style>
<p id=out>Waiting.</p><div id=box></div><button id=go></button><script>
const tell = (kind, more = {}) => navigator.sendBeacon('/event', JSON.stringify({kind, ...more}));
const say = text => { out.textContent = text; };
const done = text => { say(text); tell('done', {path: location.pathname}); };
let clicked = () => {};
go.onclick = () => { tell('clicked'); clicked(); };
addEventListener('load', () => requestAnimationFrame(() => requestAnimationFrame(() =>
  tell('load', {path: location.pathname}))));
"""

HABITS = {
    "at-once": "clicked = () => done('At once.');",
    "timer": "clicked = () => { say('Soon.'); setTimeout(() => done('After 350 ms.'), 350); };",
    "timers": """let left = 5; clicked = () => {
      if (!left--) return done('None left.'); say('Left: ' + left); setTimeout(clicked, 60); };""",
    "fetch": """clicked = async () => { const text = await (await fetch('/late/200')).text();
      say(text); setTimeout(() => done('Fetched, and then some.'), 100); };""",
    "transition": """clicked = () => { box.style.marginLeft = '400px'; };
      box.addEventListener('transitionend', () => done('Moved.'));""",
    "frames": """let count = 0; const step = () => { box.style.marginLeft = ++count * 8 + 'px';
      count < 20 ? requestAnimationFrame(step) : done('Drawn.'); }; clicked = step;""",
    "spinner": """document.body.insertAdjacentHTML('beforeend', '<div class=spin></div>');
      clicked = () => done('It spins on.');""",
    "ticker": """let n = 0; setInterval(() => { box.textContent = ++n; }, 100);
      clicked = () => done('It ticks on.');""",
    "picture": """clicked = () => { const i = new Image(300, 100); i.onload = () => done('Seen.');
      i.src = '/late/250/picture.svg'; document.body.prepend(i); };""",
    "inner": """document.body.insertAdjacentHTML('beforeend', '<iframe src="/page/nothing"></iframe>');
      clicked = () => { const f = document.querySelector('iframe').contentWindow;
        f.setTimeout(() => { f.document.body.style.background = '#fc0'; done('Inside.'); }, 300); };""",
    "link": "clicked = () => { location = '/page/arrival'; };",
    "arrival": "say('Arriving.'); setTimeout(() => done('Arrived.'), 300);",
    "window": "clicked = () => { open('/page/arrival'); };",
    "question": "clicked = () => { alert('A question'); done('Answered.'); };",
    "download": "clicked = () => { location = '/goods.bin'; done('Downloading.'); };",
    "curious": """(async () => {
      const frame = document.createElement('iframe'); document.body.append(frame);
      const usual = new Set(Reflect.ownKeys(frame.contentWindow)), order = [];
      const names = Reflect.ownKeys(window).filter(k => !usual.has(k) && k !== '0').map(String);
      const native = Function.prototype.toString.call(setTimeout).includes('[native code]');
      setTimeout(x => order.push(x), 0, 'b'); clearTimeout(setTimeout(() => order.push('never'), 5));
      queueMicrotask(() => order.push('a')); setTimeout(() => order.push('c'), 20);
      const tick = setInterval(() => { order.push('d'); clearInterval(tick); }, 60);
      setTimeout(() => tell('looked', {found: {order: order.join(' '),
        names, setTimeout: [setTimeout.name, setTimeout.length, native]}}), 120);
      })();""",
    "busy": "clicked = () => { for (;;); };",
    "nothing": "",
}


def page(name: str) -> str:
    """Write a page."""
    return f"{HEAD}{HABITS[name]}</script>"
