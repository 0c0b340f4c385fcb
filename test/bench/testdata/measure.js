// Put into the page by its tests: notes when a call's event is read from the stream, when its row stands in the document,
// when that is painted (Element Timing, https://wicg.github.io/element-timing/), and when a button is clicked. All times are
// milliseconds on the page's own clock.
(() => {
  const rows = new Map();
  const painted = [];
  let told;
  let read = 0;
  const now = () => performance.timeOrigin + performance.now();
  const decode = TextDecoder.prototype.decode;
  TextDecoder.prototype.decode = function (...args) {
    const at = now();
    const text = decode.apply(this, args);
    if (text.includes('event: call\n')) read = at;
    return text;
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByType('element')) {
      const row = rows.get(entry.identifier);
      if (!row || row.painted) continue;
      row.painted = performance.timeOrigin + entry.renderTime;
      painted.push(row);
      told?.();
    }
  }).observe({ type: 'element', buffered: true });
  new MutationObserver(() => {
    for (const row of document.querySelectorAll('[data-testid=call][data-state=ringing]')) {
      const id = row.dataset.call;
      if (rows.has(id)) continue;
      rows.set(id, { id, read, shown: now() });
      // The browser counts a text to the nearest block around it, whichever of these that is.
      for (let e = row.querySelector('[data-testid=caller]'); e !== row.parentElement; e = e.parentElement) e.elementTiming = id;
    }
  }).observe(document.body, { childList: true, subtree: true });
  window.measure = {
    now,
    clicked: 0,
    /** The next row that is painted, and was not asked for yet. */
    async painted() {
      if (painted.length === 0) await new Promise((done) => (told = done));
      return painted.shift();
    },
  };
  addEventListener('click', (e) => { if (e.isTrusted) window.measure.clicked = performance.timeOrigin + e.timeStamp; }, true);
  return true;
})();
